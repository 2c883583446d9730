"""Hooks around the application, over a real channel."""

from __future__ import annotations

from typing import Any

import pytest

from fake_gateway import FakeGateway, keep_nothing, make_config, make_environ
from tunicorn_worker import wire
from tunicorn_worker.access_journal import AccessJournal
from tunicorn_worker.channel import Channel
from tunicorn_worker.environ import base_environ
from tunicorn_worker.errors import GatewayGone
from tunicorn_worker.hooked_wsgi import HookedCaller, make_caller
from tunicorn_worker.hooks import WorkerHooks
from tunicorn_worker.loggers import Loggers
from tunicorn_worker.wsgi import WsgiCaller


class Noted:
    """A configuration with hooks that note what they get."""

    def __init__(self, **failing: Any) -> None:
        self.calls: list[Any] = []

        def pre_request(worker: Any, req: Any) -> None:
            self.calls.append(("pre", req.path, worker.nr))
            if "pre_request" in failing:
                raise failing["pre_request"]

        def post_request(worker: Any, req: Any, environ: Any, resp: Any) -> None:
            path = environ.get("PATH_INFO")
            self.calls.append(("post", path, resp and (resp.status, resp.headers, resp.sent), worker.nr))

        self.config = make_config(pre_request=pre_request, post_request=post_request)
        self.hooks = WorkerHooks(1, self.config, Loggers())

    def serve(self, application: Any, gateway: FakeGateway) -> bytes:
        channel = Channel(gateway.worker_end, keep_nothing)
        channel.begin(5)
        caller = make_caller(application, self.config, self.hooks)
        assert isinstance(caller, HookedCaller)
        caller.call(channel, {**make_environ(target="/x"), **base_environ(self.config, multithread=False)})
        frame = gateway.frame()
        assert frame is not None
        return frame.status


def hello(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [("X-A", "1")])
    return [b"hello"]


def test_hooks_stand_before_and_after(gateway: FakeGateway) -> None:
    noted = Noted()
    assert noted.serve(hello, gateway) == b"200 OK"
    assert noted.calls == [("pre", "/x", 0), ("post", "/x", ("200 OK", [("X-A", "1")], 5), 1)]


def test_a_streamed_response(gateway: FakeGateway) -> None:
    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return iter([b"hel", b"lo"])

    noted = Noted()
    assert noted.serve(application, gateway) == b"200 OK"
    assert noted.calls[1] == ("post", "/x", ("200 OK", [], 5), 1)


def test_the_application_fails(gateway: FakeGateway) -> None:
    def application(environ: Any, start_response: Any) -> Any:
        raise LookupError("no")

    noted = Noted()
    assert noted.serve(application, gateway) == b"500 Internal Server Error"
    assert noted.calls[1] == ("post", "/x", (None, [], 0), 1)


def test_pre_request_fails(gateway: FakeGateway, caplog: pytest.LogCaptureFixture) -> None:
    noted = Noted(pre_request=ValueError("not this one"))
    assert noted.serve(hello, gateway) == b"500 Internal Server Error"
    assert noted.calls == [("pre", "/x", 0), ("post", None, None, 0)]
    assert [record.getMessage() for record in caplog.records] == ["Error handling request GET /x"]


def test_nobody_pays_for_hooks_that_are_not_there(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "gunicorn.error")
    config = make_config()
    caller = make_caller(hello, config, WorkerHooks(1, config, Loggers()))
    assert type(caller) is WsgiCaller


class NotedLog:
    def __init__(self) -> None:
        self.lines: list[Any] = []

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        self.lines.append((resp.status, resp.headers, resp.sent, req.uri, environ["PATH_INFO"]))


def test_an_access_log_in_python(gateway: FakeGateway) -> None:
    config = make_config(syslog=True)
    log = NotedLog()
    channel = Channel(gateway.worker_end, keep_nothing)
    channel.journal = AccessJournal(log)
    channel.ask_for_reports()
    frame = gateway.frame()
    assert frame is not None
    assert (frame.kind, frame.stream, frame.body) == (wire.REPORTS, 0, wire.U32.pack(1))
    caller = make_caller(hello, config, WorkerHooks(1, config, Loggers()))
    for stream in (5, 6):
        channel.begin(stream)
        environ = {**make_environ(target=f"/{stream}"), **base_environ(config, multithread=False)}
        caller.call(channel, environ)
        assert gateway.frame() is not None
    assert log.lines == []
    # The client of the first had its answer, that of the second has left.
    gateway.send(wire.COMPLETED, 5, wire.COMPLETION.pack(200, 5, 1000))
    gateway.send(wire.COMPLETED, 6, wire.COMPLETION.pack(499, 0, 1000))
    gateway.send(wire.REPORTS_END, 0)
    channel.end_reports()
    assert log.lines == [
        ("200 OK", [("X-A", "1")], 5, "/5", "/5"),
        ("499 Client Closed Request", [], 0, "/6", "/6"),
    ]


def test_the_end_of_reports_is_not_waited_for_when_the_gateway_has_gone(gateway: FakeGateway) -> None:
    channel = Channel(gateway.worker_end, keep_nothing)
    gateway.close()
    with pytest.raises(GatewayGone):
        channel.end_reports()
