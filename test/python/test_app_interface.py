"""Wrong pairs of application and worker class are told in words; what cannot be told is believed."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from tunicorn_worker.app_interface import call_uvicorn_factory, require_asgi, require_interface, require_wsgi
from tunicorn_worker.errors import AppImportError


async def asgi3(scope: Any, receive: Any, send: Any) -> None: ...


def asgi3_plain(scope: Any, receive: Any, send: Any) -> Any: ...


def asgi2(scope: Any) -> Any: ...


def wsgi(environ: Any, start_response: Any) -> Any: ...


def anything(*arguments: Any) -> Any: ...


class Asgi3:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    async def method(self, scope: Any, receive: Any, send: Any) -> None: ...


class Asgi2:
    def __init__(self, scope: Any) -> None: ...

    async def __call__(self, receive: Any, send: Any) -> None: ...


class Wsgi:
    def __call__(self, environ: Any, start_response: Any) -> Any: ...


class WsgiMadePerRequest:
    def __init__(self, environ: Any, start_response: Any) -> None: ...


OF_ASGI = [asgi3, Asgi3(), Asgi3().method, functools.partial(asgi3)]
OF_WSGI = [wsgi, Wsgi(), WsgiMadePerRequest, functools.partial(wsgi)]


@pytest.mark.parametrize("application", OF_ASGI)
def test_asgi_is_refused_by_blocking_workers(application: Any) -> None:
    require_asgi(application)
    with pytest.raises(AppImportError, match="'sync' calls WSGI applications: serve it with --worker-class asgi"):
        require_wsgi(application, "sync")


@pytest.mark.parametrize("application", OF_WSGI)
def test_wsgi_is_refused_by_event_loops(application: Any) -> None:
    require_wsgi(application, "sync")
    with pytest.raises(AppImportError, match=r"as a WSGI application does .* --worker-class sync or gthread"):
        require_asgi(application)


@pytest.mark.parametrize("application", [asgi2, Asgi2])
def test_asgi_2_is_refused_by_event_loops(application: Any) -> None:
    with pytest.raises(AppImportError, match=r"ASGI 2 application .*guarantee_single_callable"):
        require_asgi(application)


def test_what_takes_nothing_is_refused() -> None:
    with pytest.raises(AppImportError, match="cannot be called as an ASGI application"):
        require_asgi(lambda: None)


@pytest.mark.parametrize("application", [asgi3_plain, anything, type])
def test_what_cannot_be_told_is_believed(application: Any) -> None:
    require_asgi(application)
    require_wsgi(application, "sync")


def test_each_class_has_its_interface() -> None:
    for worker_class in ("sync", "gthread"):
        require_interface(wsgi, worker_class)
        with pytest.raises(AppImportError):
            require_interface(asgi3, worker_class)
    require_interface(asgi3, "asgi")
    with pytest.raises(AppImportError):
        require_interface(wsgi, "asgi")


def make_app() -> Any:
    return asgi3


def make_app_of(name: str = "x") -> Any:
    return asgi3


def fails_inside() -> Any:
    raise TypeError("inside the factory")


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("factory", [make_app, make_app_of])
def test_uvicorns_classes_call_factories(factory: Any, said: bool) -> None:
    assert call_uvicorn_factory(factory, said=said) is asgi3


@pytest.mark.parametrize("application", [asgi3, anything, wsgi, asgi2, *OF_ASGI])
def test_what_is_no_factory_is_the_application(application: Any) -> None:
    assert call_uvicorn_factory(application, said=False) is application


def test_a_factory_that_fails() -> None:
    with pytest.raises(TypeError, match="inside the factory"):
        call_uvicorn_factory(fails_inside, said=False)
    with pytest.raises(AppImportError, match="Error loading ASGI app factory: asgi3\\(\\) missing 3"):
        call_uvicorn_factory(asgi3, said=True)
