"""The attributes of what hooks get; test/server/hooks.test.ts compares them with Gunicorn's."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

import pytest

from fake_gateway import keep_nothing, make_config, make_environ
from tunicorn_worker.channel import Channel
from tunicorn_worker.field_lines import FieldLines
from tunicorn_worker.hook_objects import HookRequest, HookResponse, HookWorker, split_target
from tunicorn_worker.loggers import Loggers
from tunicorn_worker.server_log import ServerLog
from tunicorn_worker.start_response import Response


def make_request(**environ: Any) -> HookRequest:
    return HookRequest({**make_environ(), "wsgi.input": "the body", **environ}, make_config())


def test_worker() -> None:
    config = make_config(timeout=31, max_requests=0)
    log = ServerLog(Loggers())
    worker = HookWorker(3, config, log)
    assert str(worker) == f"<Worker {os.getpid()}>"
    assert (worker.age, worker.pid, worker.ppid) == (3, os.getpid(), config.master_pid)
    assert (worker.timeout, worker.max_requests, worker.nr) == (15.5, sys.maxsize, 0)
    assert HookWorker(3, make_config(max_requests=9), log).max_requests == 9
    assert worker.cfg is config
    assert worker.log is log
    worker.notify()


def test_what_a_hook_leaves_on_a_worker_reaches_it() -> None:
    log = ServerLog(Loggers())
    worker = HookWorker(3, make_config(), log, pid="[booting]")
    assert worker.pid == "[booting]"
    worker.slot, worker.tags = 7, {"a": [1, None]}  # type: ignore[attr-defined]
    worker.lock = object()  # type: ignore[attr-defined]
    assert set(worker.left()) == {"slot", "tags", "lock"}
    born = HookWorker(3, make_config(), log)
    born.take_notes(worker.notes())
    born.take_notes(None)
    assert (born.left(), born.pid) == ({"slot": 7, "tags": {"a": [1, None]}}, os.getpid())


def test_request() -> None:
    request = make_request(
        REQUEST_METHOD="POST",
        RAW_URI="/caf%C3%A9?q=1",
        QUERY_STRING="q=1",
        CONTENT_TYPE="text/plain",
        HTTP_X_TWICE="1,2",
    )
    assert (request.method, request.uri, request.path, request.query) == ("POST", "/caf%C3%A9?q=1", "/caf%C3%A9", "q=1")
    assert (request.version, request.scheme, request.body) == ((1, 1), "http", "the body")
    assert request.remote_addr == request.peer_addr == ("127.0.0.1", 51234)
    assert request.headers == [("HOST", "localhost:8000"), ("CONTENT-TYPE", "text/plain"), ("X-TWICE", "1,2")]
    assert make_request(REMOTE_ADDR="").remote_addr == ""


@pytest.mark.parametrize(
    ("uri", "path", "fragment"),
    [
        ("/", "/", ""),
        ("/a/b?c#d", "/a/b", "d"),
        ("//a", "//a", ""),
        ("http://h:1/a?b", "/a", ""),
        ("http://h", "", ""),
        ("*", "*", ""),
        ("/a?u=http://h/", "/a", ""),
    ],
)
def test_target(uri: str, path: str, fragment: str) -> None:
    assert split_target(uri) == (path, fragment)


@pytest.mark.parametrize(
    ("protocol", "connection", "closes"),
    [
        ("HTTP/1.1", "", False),
        ("HTTP/1.1", "Close", True),
        ("HTTP/1.1", "x, close", True),
        ("HTTP/1.0", "", True),
        ("HTTP/1.0", "keep-alive", False),
    ],
)
def test_should_close(protocol: str, connection: str, closes: bool) -> None:
    assert make_request(SERVER_PROTOCOL=protocol, HTTP_CONNECTION=connection).should_close() is closes


def test_response_before_and_after() -> None:
    end, other = socket.socketpair()
    with end, other:
        channel = Channel(end, keep_nothing)
        channel.begin(1)
        response = Response(channel, FieldLines(), "GET")
        shown = HookResponse(make_request(), response, make_config())
        assert (shown.status, shown.status_code, shown.headers, shown.sent) == (None, None, [], 0)
        assert (shown.headers_sent, shown.response_length) == (False, None)
        fields = (field for field in [("Content-Length", "4")])
        shown.start_response("201 Made", fields)
        response.send_list([b"body"])
        assert (shown.status, shown.status_code, shown.headers) == ("201 Made", 201, [("Content-Length", "4")])
        assert (shown.sent, shown.headers_sent, shown.response_length, shown.chunked) == (4, True, 4, False)
