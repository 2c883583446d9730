"""A small Django site in one file: forms, an upload, a session, a stream, a static file, an error."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="only for tests",
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
)


def index(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"hello {request.GET.get('name', 'world')}")


def form(request: HttpRequest) -> JsonResponse:
    pairs = [[name, value] for name, values in request.POST.lists() for value in values]
    return JsonResponse(sorted(pairs), safe=False)


def upload(request: HttpRequest) -> JsonResponse:
    file = request.FILES["file"]
    content = file.read()
    return JsonResponse({"bytes": len(content), "name": file.name, "sha256": hashlib.sha256(content).hexdigest()})


def visit(request: HttpRequest) -> HttpResponse:
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(str(request.session["visits"]))


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        for number in range(5):
            yield f"part {number}\n"

    return StreamingHttpResponse(parts(), content_type="text/plain")


def file(request: HttpRequest) -> FileResponse:
    return FileResponse(open(os.path.abspath(__file__), "rb"), content_type="text/x-python")


# Four requests meet here, so that each is in a thread of its own.
MEETING = threading.Barrier(4, timeout=30)


def database(request: HttpRequest) -> JsonResponse:
    MEETING.wait()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        (value,) = cursor.fetchone()
    # All connections are open now, so no two of them can have the same id.
    numbers = {"value": value, "thread": threading.get_ident(), "connection": id(connection.connection)}
    MEETING.wait()
    return JsonResponse(numbers)


def fails(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("as asked")


async def async_visit(request: HttpRequest) -> HttpResponse:
    visits = await request.session.aget("visits", 0) + 1
    await request.session.aset("visits", visits)
    return HttpResponse(str(visits))


async def async_upload(request: HttpRequest) -> JsonResponse:
    await asyncio.sleep(0)
    return await sync_to_async(upload)(request)


async def async_stream(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[str]:
        for number in range(5):
            await asyncio.sleep(0)
            yield f"part {number}\n"

    return StreamingHttpResponse(parts(), content_type="text/plain")


async def async_database(request: HttpRequest) -> HttpResponse:
    def ask() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 + 1")
            value: int = cursor.fetchone()[0]
            return value

    return HttpResponse(str(await sync_to_async(ask)()))


urlpatterns = [
    path("async/visit", async_visit),
    path("async/upload", async_upload),
    path("async/stream", async_stream),
    path("async/database", async_database),
    path("", index),
    path("form", form),
    path("upload", upload),
    path("visit", visit),
    path("stream", stream),
    path("file", file),
    path("database", database),
    path("fails", fails),
]

application = get_wsgi_application()
asgi_application = get_asgi_application()
