from __future__ import annotations

from typing import Any

import pytest
import tornado.web
import tornado.wsgi
from aiohttp import web
from aiohttp.worker import GunicornUVLoopWebWorker, GunicornWebWorker
from gunicorn.workers.base import Worker
from gunicorn.workers.gtornado import TornadoWorker

from programs import output_of
from tunicorn_worker.app_pairs import require_direct, require_fed
from tunicorn_worker.errors import AppImportError


def wsgi(environ: Any, start_response: Any) -> Any: ...


async def asgi(scope: Any, receive: Any, send: Any) -> None: ...


async def factory() -> web.Application:
    return web.Application()


class AsyncCall:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    async def make(self) -> web.Application:
        return web.Application()


TORNADO_APP = tornado.web.Application()
AIOHTTP_APP = web.Application()


@pytest.mark.parametrize("application", [wsgi, asgi, AsyncCall(), object()])
def test_fed_workers_leave_these_to_others(application: Any) -> None:
    require_fed(application, "sync")


@pytest.mark.parametrize(
    ("application", "what", "flag"),
    [
        (TORNADO_APP, "a Tornado application", "--worker-class tornado"),
        (AIOHTTP_APP, "an aiohttp application", "--worker-class aiohttp.GunicornWebWorker"),
        (factory, "an aiohttp application", "--worker-class aiohttp.GunicornWebWorker"),
        (AsyncCall().make, "an aiohttp application", "--worker-class aiohttp.GunicornWebWorker"),
    ],
)
def test_fed_workers_refuse(application: Any, what: str, flag: str) -> None:
    with pytest.raises(AppImportError) as error:
        require_fed(application, "sync")
    text = f"The application is {what}, which worker class 'sync' cannot serve: serve it with {flag}"
    assert str(error.value) == text


@pytest.mark.parametrize(
    ("application", "worker_class"),
    [
        (TORNADO_APP, TornadoWorker),
        (tornado.wsgi.WSGIContainer(wsgi), TornadoWorker),
        (wsgi, TornadoWorker),
        (AIOHTTP_APP, GunicornWebWorker),
        (factory, GunicornUVLoopWebWorker),
        *((application, Worker) for application in (wsgi, asgi, TORNADO_APP, AIOHTTP_APP)),
    ],
)
def test_right_pairs(application: Any, worker_class: type) -> None:
    require_direct(application, worker_class, "x")


@pytest.mark.parametrize(
    ("application", "worker_class", "flag"),
    [
        (wsgi, GunicornWebWorker, "--worker-class sync"),
        (asgi, GunicornWebWorker, "--worker-class asgi"),
        (AsyncCall(), GunicornUVLoopWebWorker, "--worker-class asgi"),
        (TORNADO_APP, GunicornWebWorker, "--worker-class tornado"),
        (AIOHTTP_APP, TornadoWorker, "--worker-class aiohttp.GunicornWebWorker"),
        (factory, TornadoWorker, "--worker-class aiohttp.GunicornWebWorker"),
        (asgi, TornadoWorker, "--worker-class asgi"),
        (AsyncCall(), TornadoWorker, "--worker-class asgi"),
    ],
)
def test_wrong_pairs(application: Any, worker_class: type, flag: str) -> None:
    with pytest.raises(AppImportError) as error:
        require_direct(application, worker_class, "the.Class")
    assert "which worker class 'the.Class' cannot serve" in str(error.value)
    assert str(error.value).endswith(f": serve it with {flag}")


def test_nothing_is_imported_for_the_question() -> None:
    program = """
import sys
from tunicorn_worker.app_pairs import require_fed
require_fed(print, "sync")
print(sorted({"tornado", "aiohttp", "inspect", "asyncio"} & set(sys.modules)))
"""
    assert output_of(program) == "[]\n"
