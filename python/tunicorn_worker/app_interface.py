"""Tells WSGI and ASGI applications apart, so that a wrong pair of application and worker class is refused in words."""

from __future__ import annotations

from tunicorn_worker.app_pairs import is_async_function, require_fed
from tunicorn_worker.errors import AppImportError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def require_interface(application: Any, worker_class: str) -> None:
    """Refuse an application that workers of this class cannot call. Raises AppImportError."""
    require_fed(application, worker_class)
    if worker_class == "asgi":
        require_asgi(application)
    else:
        require_wsgi(application, worker_class)


def require_wsgi(application: Any, worker_class: str) -> None:
    """Refuse an ASGI application that blocking workers would call in vain.

    Raises AppImportError.
    """
    if is_coroutine_function(application) or is_coroutine_function(type(application).__call__):
        raise AppImportError(
            f"The application is an ASGI application (it is async), but worker class {worker_class!r} calls WSGI"
            " applications: serve it with --worker-class asgi"
        )


def require_asgi(application: Any) -> None:
    """Refuse a WSGI application, and an ASGI 2 one.

    Only what cannot be called with the three arguments of ASGI 3 is refused; what hides its parameters is believed.

    Raises AppImportError.
    """
    from inspect import Signature, signature

    try:
        parameters: Signature = signature(application)
    except (TypeError, ValueError):
        return
    if accepts(parameters, 3):
        return
    if accepts(parameters, 2):
        raise AppImportError(
            "The application takes two arguments as a WSGI application does (environ, start_response), but worker class"
            " 'asgi' calls ASGI applications: serve it with --worker-class sync or gthread, or wrap it with"
            " asgiref.wsgi.WsgiToAsgi"
        )
    if accepts(parameters, 1):
        raise AppImportError(
            "The application is an ASGI 2 application (it takes the scope alone), but worker class 'asgi' calls ASGI 3"
            " applications: wrap it with asgiref.compatibility.guarantee_single_callable"
        )
    raise AppImportError("The application cannot be called as an ASGI application (scope, receive, send)")


def is_coroutine_function(function: Any) -> bool:
    """Whether it was written with ``async def``: a function, a method, or a partial of one."""
    while True:
        inner = getattr(function, "__func__", None) or getattr(function, "func", None)
        if inner is None or inner is function:
            break
        function = inner
    return is_async_function(function)


def accepts(parameters: Any, count: int) -> bool:
    """Whether a call with so many positional arguments would be one of this signature."""
    try:
        parameters.bind(*(None,) * count)
    except TypeError:
        return False
    return True
