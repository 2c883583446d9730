"""Hooks around an ASGI application's call, over a fake channel."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from fake_gateway import make_config
from tunicorn_worker import wire
from tunicorn_worker.asgi_http import HttpExchange
from tunicorn_worker.hooked_asgi import HookedService, has_access_log, make_service
from tunicorn_worker.hooks import WorkerHooks
from tunicorn_worker.loggers import Loggers

SCOPE = {
    "type": "http",
    "method": "GET",
    "http_version": "1.1",
    "scheme": "http",
    "path": "/x",
    "raw_path": b"/x",
    "query_string": b"",
    "headers": [],
    "client": None,
}


class Channel:
    """Takes frames and forgets them."""

    paused = False

    def __init__(self, service: Any) -> None:
        self.service = service
        self.exchanges: dict[int, HttpExchange] = {}
        self.kinds: list[int] = []

    def send(self, frame: bytes) -> None:
        self.kinds.append(wire.unpack_header(frame, 0)[2])

    async def drain(self) -> None: ...

    def started(self, stream: int) -> None: ...

    def returned(self, task: Any) -> None: ...


class Noted:
    """One request of an application, and what its hooks were called with."""

    def __init__(
        self, application: Any, *, fails: bool = False, left: bool = False, method: str = "GET", **values: Any
    ) -> None:
        self.calls: list[Any] = []

        def pre_request(worker: Any, req: Any) -> None:
            self.calls.append(("pre", req.path, worker.nr))
            if fails:
                raise ValueError("refused by the hook")

        def post_request(worker: Any, req: Any, environ: Any, resp: Any) -> None:
            shown = resp and (resp.status, resp.headers, resp.sent)
            self.calls.append(("post", req.path, environ and environ["PATH_INFO"], shown, worker.nr))

        config = make_config(
            worker_kind="asgi",
            pre_request=pre_request,
            post_request=post_request,
            asgi_disconnect_grace_period=3,
            **values,
        )
        hooks = WorkerHooks(1, config, Loggers())

        async def run() -> None:
            service = make_service(application, config, logging.getLogger("test.asgi"), {}, None, hooks)
            channel = Channel(service)
            exchange = service.exchange(channel, 7, method, b"")
            task = exchange.task = asyncio.create_task(exchange.run(application, SCOPE))
            if left:
                exchange.client_left()
            await asyncio.wait_for(task, 30)
            self.kinds = channel.kinds

        asyncio.run(run())
        self.nr = hooks.worker.nr


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 201, "headers": [(b"x-a", b"1")]})
    await send({"type": "http.response.body", "body": b"hel", "more_body": True})
    await send({"type": "http.response.body", "body": b"lo"})


def test_without_an_access_log_there_is_nothing_to_show() -> None:
    noted = Noted(hello)
    assert (noted.calls, noted.nr) == ([("pre", "/x", 0), ("post", "/x", None, None, 0)], 1)


@pytest.mark.parametrize(("method", "sent"), [("GET", 5), ("HEAD", 0)])
def test_with_an_access_log_the_response_is_shown(method: str, sent: int) -> None:
    noted = Noted(hello, accesslog="-", method=method)
    assert noted.calls[1] == ("post", "/x", "/x", (201, [("x-a", "1")], sent), 0)


def test_a_body_beyond_its_length_is_not_sent() -> None:
    async def too_long(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
        await send({"type": "http.response.body", "body": b"hello"})

    assert Noted(too_long, accesslog="-").calls[1][3] == (200, [("content-length", "3")], 3)


def test_a_hook_that_fails_is_a_failed_request() -> None:
    noted = Noted(hello, fails=True, accesslog="-")
    assert noted.calls[1] == ("post", "/x", "/x", (500, [], 0), 0)
    assert noted.kinds == [wire.RESPONSE]


def test_a_response_that_never_left_is_a_500() -> None:
    async def fails(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"1")]})
        raise ValueError("before the body")

    assert Noted(fails, accesslog="-").calls[1][3] == (500, [], 0)


def test_a_client_that_left_before_the_call_has_had_no_request() -> None:
    noted = Noted(hello, left=True)
    assert (noted.calls, noted.nr) == ([], 0)


def test_nobody_pays_for_hooks_that_are_not_there(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gunicorn.error")
    config = make_config(asgi_disconnect_grace_period=3)

    async def make() -> Any:
        return make_service(hello, config, logging.getLogger(), {}, None, WorkerHooks(1, config, Loggers()))

    service = asyncio.run(make())
    assert not isinstance(service, HookedService)
    assert service.exchange is HttpExchange


@pytest.mark.parametrize(
    ("values", "has"),
    [
        ({}, False),
        ({"accesslog": "-"}, True),
        ({"logconfig_dict": {"version": 1}}, True),
        ({"syslog": True}, True),
        ({"syslog": True, "disable_redirect_access_to_syslog": True}, False),
    ],
)
def test_an_access_log_is_what_gunicorn_takes_for_one(values: dict[str, Any], has: bool) -> None:
    assert has_access_log(make_config(**values)) is has
