"""Finds the class that the setting worker_class names, as Gunicorn does, and says what would help when it cannot."""

from __future__ import annotations

from importlib import import_module

from tunicorn_worker.gunicorn_package import is_fallback, offer_fallback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DISTRIBUTIONS = {
    "aiohttp": "aiohttp",
    "gevent": "gevent",
    "tornado": "tornado",
    "uvicorn": "uvicorn",
    "uvicorn_worker": "uvicorn-worker",
    "uvloop": "uvloop",
}
"""Top-level modules that worker classes are known to need, and what pip calls them."""


def load_worker_class(uri: Any) -> Any:
    """Find a class and run its ``setup()``.

    uri: ``"tornado"``, ``"package.module.Class"``, ``"egg:distribution#name"``, or the class itself

    Raises RuntimeError with Gunicorn's text, and with what would help; and what ``setup()`` raises.
    """
    offer_fallback()
    try:
        worker_class = import_module("gunicorn.util").load_class(uri)
    except RuntimeError as error:
        raise RuntimeError(f"{error}{describe_help(uri, error)}") from error
    except AttributeError as error:
        raise RuntimeError(f"class uri {uri!r} invalid or not found: {error}") from error
    if not isinstance(worker_class, type) or not callable(getattr(worker_class, "init_process", None)):
        raise RuntimeError(f"class uri {uri!r} invalid or not found: {worker_class!r} is no worker class")
    if hasattr(worker_class, "setup"):
        worker_class.setup()
    return worker_class


def describe_help(uri: str, error: BaseException) -> str:
    """The line that follows Gunicorn's text, or nothing."""
    missing = missing_module(error)
    bare = "." not in uri and ":" not in uri
    if missing is None and not bare:
        return ""
    if missing is None or (bare and missing == "gunicorn"):
        return (
            "\n\nWorker classes are sync, gthread, gevent, tornado and asgi, or the dotted path of one: package.Class"
        )
    top = missing.partition(".")[0]
    if top == "gunicorn" and is_fallback():
        return f"\n\nThe class needs {missing} of the gunicorn package, which is not installed: pip install gunicorn"
    if top in DISTRIBUTIONS:
        return f"\n\nThe package is not in the application's environment: pip install {DISTRIBUTIONS[top]}"
    return f"\n\nThere is no module {missing!r} on the import path: install it, or name its folder with --pythonpath"


def missing_module(error: BaseException) -> str | None:
    """The module whose import was the first to fail, ``"tornado.web"``."""
    found = None
    step: BaseException | None = error
    while step is not None:
        if isinstance(step, ModuleNotFoundError) and step.name is not None:
            found = step.name
        step = step.__cause__ or step.__context__
    return found
