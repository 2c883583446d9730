"""Tornado's and aiohttp's applications: which workers can serve them. A wrong pair is refused in words."""

from __future__ import annotations

import sys

from tunicorn_worker.errors import AppImportError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COROUTINE_FUNCTION = 0x80
"""inspect.CO_COROUTINE: `inspect` itself is large, and blocking workers do without it."""
TORNADO_FLAG = "--worker-class tornado"
AIOHTTP_FLAG = "--worker-class aiohttp.GunicornWebWorker"
ASGI_FLAG = "--worker-class asgi"
WSGI_FLAG = "--worker-class sync"


def require_fed(application: Any, worker_class: str) -> None:
    """Refuse what only a direct worker class can serve.

    Raises AppImportError.
    """
    if is_instance(application, "tornado.web", "Application"):
        raise wrong_pair("a Tornado application", worker_class, TORNADO_FLAG)
    if is_aiohttp(application):
        raise wrong_pair("an aiohttp application", worker_class, AIOHTTP_FLAG)


def require_direct(application: Any, worker_class: type, name: str) -> None:
    """Refuse what Tornado's or aiohttp's worker class cannot serve; other classes know best what they take.

    name: as the user wrote the class

    Raises AppImportError.
    """
    modules = {base.__module__ for base in worker_class.__mro__}
    if "aiohttp.worker" in modules and not is_aiohttp(application):
        if is_instance(application, "tornado.web", "Application"):
            raise wrong_pair("a Tornado application", name, TORNADO_FLAG)
        if is_async(application):
            raise wrong_pair("an ASGI application (it is async, and takes arguments)", name, ASGI_FLAG)
        raise wrong_pair("a WSGI application (it is neither an aiohttp.web.Application nor async)", name, WSGI_FLAG)
    if "gunicorn.workers.gtornado" in modules:
        if is_aiohttp(application):
            raise wrong_pair("an aiohttp application", name, AIOHTTP_FLAG)
        if is_async(application):
            raise wrong_pair("an ASGI application (it is async)", name, ASGI_FLAG)


def wrong_pair(what: str, worker_class: str, flag: str) -> AppImportError:
    return AppImportError(
        f"The application is {what}, which worker class {worker_class!r} cannot serve: serve it with {flag}"
    )


def is_aiohttp(application: Any) -> bool:
    """An ``aiohttp.web.Application``, or an async function without arguments that makes one."""
    if is_instance(application, "aiohttp.web", "Application"):
        return True
    if "aiohttp.web" not in sys.modules or not is_async_function(application):
        return False
    from inspect import signature

    try:
        signature(application).bind()
    except (TypeError, ValueError):
        return False
    return True


def is_instance(value: Any, module: str, name: str) -> bool:
    """``isinstance(value, module.name)``, without importing what the application has not imported."""
    found = getattr(sys.modules.get(module), name, None)
    return isinstance(found, type) and isinstance(value, found)


def is_async(application: Any) -> bool:
    return is_async_function(application) or is_async_function(getattr(type(application), "__call__", None))  # noqa: B004


def is_async_function(function: Any) -> bool:
    """Whether it was written with ``async def``: a function, or a method."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return bool(getattr(code, "co_flags", 0) & COROUTINE_FUNCTION)
