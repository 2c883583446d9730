"""A Django project in one file (pip install django). Run it with: tunicorn --chdir examples django_app:application"""

from __future__ import annotations

import json
import os
import secrets
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

if TYPE_CHECKING:
    from django.http import HttpRequest

settings.configure(
    DEBUG=False,
    # A key of its own for each start is enough for an example without sessions.
    SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_urlsafe(32),
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
)


@require_GET
def hello(request: HttpRequest) -> HttpResponse:
    """Greet whoever ``?name=`` names, in plain text."""
    return HttpResponse(f"Hello, {request.GET.get('name', 'World')}!\n", content_type="text/plain; charset=utf-8")


@csrf_exempt
@require_POST
def echo(request: HttpRequest) -> JsonResponse:
    """Send the JSON of the request back, with its size."""
    return JsonResponse({"received": json.loads(request.body), "bytes": len(request.body)})


urlpatterns = [path("", hello), path("echo", echo)]
application = get_wsgi_application()
