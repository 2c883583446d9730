"""Loads applications for workers that the gateway feeds; those that their class cannot call are refused in words."""

from __future__ import annotations

from tunicorn_worker.app_loader import load_application, was_entered
from tunicorn_worker.app_pairs import is_async_function, require_fed
from tunicorn_worker.errors import AppImportError
from tunicorn_worker.gunicorn_package import offer_fallback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspect import Signature
    from typing import Any

    from tunicorn_worker.config import Config


def load_served(config: Config) -> Any:
    """Load the application that a worker which the gateway feeds is to call.

    Raises AppImportError, and whatever the application's import raises.
    """
    if config.uvicorn is not None:
        # The class may stand in a module of the application's, and imports the package.
        offer_fallback()
    application = load_application(config)
    if config.uvicorn is not None:
        application = call_uvicorn_factory(application, said=config.uvicorn["factory"])
    require_interface(application, config.worker_kind)
    return application


def call_uvicorn_factory(named: Any, *, said: bool) -> Any:
    """Return the application: what was named, or what it makes. uvicorn's classes call what needs no arguments.

    said: by the option ``factory``

    Raises AppImportError when it was said to be a factory and is none, and what a factory raises.
    """
    if not said:
        parameters = read_parameters(named)
        if parameters is None or accepts(parameters, 3):
            return named
    try:
        return named()
    except TypeError as error:
        if was_entered(named, error):
            raise
        if said:
            raise AppImportError(f"Error loading ASGI app factory: {error}") from None
        return named


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
    parameters = read_parameters(application)
    if parameters is None or accepts(parameters, 3):
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


def read_parameters(function: Any) -> Signature | None:
    """None for what hides them."""
    from inspect import signature

    try:
        return signature(function)
    except (TypeError, ValueError):
        return None


def accepts(parameters: Signature, count: int) -> bool:
    """Whether a call with so many positional arguments would be one of this signature."""
    try:
        parameters.bind(*(None,) * count)
    except TypeError:
        return False
    return True
