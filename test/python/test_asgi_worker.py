"""A whole asgi worker in a forked process: boot, requests, stop, ends of file, a blocked loop."""

from __future__ import annotations

import asyncio
import marshal
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from fake_gateway import PATIENCE_SECONDS, FakeGateway
from pushed_worker_checks import answer, check_one_gateway_remains, check_two_gateways_release, entry, push_head
from test_worker_life import LIFE_HOOKS, hooks_called
from tunicorn_worker import wire
from tunicorn_worker.asgi_worker import AsgiWorker, make_loop
from tunicorn_worker.errors import BootError
from worker_process import WorkerProcess


@pytest.fixture
def start(start: Callable[..., WorkerProcess]) -> Callable[..., WorkerProcess]:
    return partial(start, worker_class=AsgiWorker, worker_kind="asgi")


async def echo(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        scope["state"]["began"] = True
        await send({"type": "lifespan.startup.complete"})
        await receive()
        os.write(2, b"lifespan ends\n")
        await send({"type": "lifespan.shutdown.complete"})
        return
    message = await receive()
    if scope["path"] == "/wait":
        await receive()
    if scope["path"] == "/block":
        os.write(2, b"application runs\n")
        time.sleep(PATIENCE_SECONDS)
    text = f"{scope['path']} {scope['state']} ".encode() + message["body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": text})


def push(gateway: FakeGateway, stream: int, path: str, body: bytes = b"") -> None:
    scope = {
        "method": "GET",
        "http_version": "1.1",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
    }
    head = marshal.dumps(scope, 0)
    push_head(gateway, stream, head, body)


def test_serves_and_leaves(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(echo).boot()
    worker.link(gateway)
    push(gateway, 5, "/wait")
    push(gateway, 6, "/a", b"body")
    assert answer(gateway) == (wire.RESPONSE, 6, b"/a {'began': True} body")
    assert (entry(gateway, 5), entry(gateway, 6), entry(gateway, 7)) == (5, 6, 0)
    worker.say("stop")
    assert answer(gateway)[0] == wire.LEAVING
    # It was on its way when the worker said so.
    push(gateway, 7, "/late")
    assert answer(gateway) == (wire.RESPONSE, 7, b"/late {'began': True} ")
    gateway.send(wire.STOP)
    gateway.send(wire.CANCEL, 5)
    assert answer(gateway)[:2] == (wire.ABORT, 5)
    assert gateway.frame() is None
    assert worker.exit_code() == 0
    assert "lifespan ends" in worker.log


def test_a_new_gateway_takes_over(start: Callable[..., WorkerProcess], gateways: list[FakeGateway]) -> None:
    worker = start(echo).boot()
    worker.link(gateways[0])
    push(gateways[0], 5, "/wait")
    gateways[0].end.close()
    worker.link(gateways[1])
    push(gateways[1], 5, "/a")
    assert answer(gateways[1]) == (wire.RESPONSE, 5, b"/a {'began': True} ")


def test_outlives_the_nursery_but_not_both(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(echo).boot()
    worker.link(gateway)
    worker.control.close()
    push(gateway, 5, "/a")
    assert answer(gateway)[0] == wire.RESPONSE
    gateway.end.close()
    assert worker.exit_code() == 0
    assert "lifespan ends" in worker.log


def test_the_end_of_the_lifeline_ends_it(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(echo).boot()
    worker.link(gateway)
    worker.lifeline.shutdown(socket.SHUT_RDWR)
    assert answer(gateway)[0] == wire.LEAVING
    gateway.send(wire.STOP)
    assert worker.exit_code() == 0
    assert "Parent changed, shutting down" in worker.log


def test_a_blocked_loop_is_aborted_with_its_stacks(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(echo).boot()
    worker.link(gateway)
    push(gateway, 5, "/block")
    worker.wait_for_log("application runs")
    gateway.send(wire.PING)
    os.kill(worker.pid, signal.SIGABRT)
    assert worker.exit_code() == 1
    assert "in echo" in worker.log


def test_idle_it_answers_a_ping_and_is_aborted_too(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(echo).boot()
    worker.link(gateway)
    gateway.send(wire.PING)
    assert answer(gateway)[0] == wire.PONG
    os.kill(worker.pid, signal.SIGABRT)
    assert worker.exit_code() == 1


def test_what_does_not_end_is_cancelled(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(echo, graceful_timeout=1).boot()
    worker.link(gateway)
    push(gateway, 5, "/wait")
    gateway.send(wire.PING)
    assert answer(gateway)[0] == wire.PONG
    worker.say("stop")
    assert answer(gateway)[0] == wire.LEAVING
    frame = gateway.frame()
    assert frame is not None and frame.status == b"500 Internal Server Error"
    assert worker.exit_code() == 0
    assert "Forcing close of 1 connections" in worker.log


def test_a_failed_startup_is_a_failed_boot(start: Callable[..., WorkerProcess]) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    worker = start(application)
    assert worker.exit_code() == 3
    assert "ASGI lifespan startup failed: Lifespan startup failed: no database" in worker.log


def test_a_stop_does_not_wait_for_a_slow_startup(start: Callable[..., WorkerProcess]) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        os.write(2, b"application runs\n")
        await asyncio.Future()

    worker = start(application)
    worker.wait_for_log("application runs")
    worker.say("stop")
    assert worker.exit_code() == 0


def test_a_wsgi_application_is_refused(tmp_path: Any, start: Callable[..., WorkerProcess]) -> None:
    (tmp_path / "plain.py").write_text("def application(environ, start_response): return []")
    worker = start(app="plain", chdir=str(tmp_path))
    assert worker.exit_code() == 4
    assert "--worker-class sync or gthread" in worker.log


def test_uvloop_is_used_where_it_is_and_missed_where_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import logging

    log = logging.getLogger("test.loop")
    for kind, module in (("auto", "uvloop"), ("uvloop", "uvloop"), ("asyncio", "asyncio.unix_events")):
        loop = make_loop(kind, log)
        assert type(loop).__module__ == module
        loop.close()
    monkeypatch.setitem(sys.modules, "uvloop", None)
    loop = make_loop("auto", log)
    assert type(loop).__module__ == "asyncio.unix_events"
    loop.close()
    with pytest.raises(BootError, match="asgi_loop is 'uvloop', but it cannot be imported"):
        make_loop("uvloop", log)


@pytest.mark.parametrize(
    ("command", "called"),
    [
        ("stop", ["worker_exit 2 booted=True alive=False"]),
        ("quit", ["worker_int 1 booted=True alive=False", "worker_exit 2 booted=True alive=False"]),
    ],
)
def test_hooks_of_its_life(
    start: Callable[..., WorkerProcess], gateway: FakeGateway, command: str, called: list[str]
) -> None:
    worker = start(echo, **LIFE_HOOKS).boot()
    worker.link(gateway)
    worker.say(command)
    gateway.send(wire.STOP)
    assert worker.exit_code() == 0
    assert hooks_called(worker.log) == ["post_worker_init 1 booted=False alive=True", *called]
    assert ("lifespan ends" in worker.log) == (command == "stop")


def test_max_requests_is_told_once_and_the_worker_serves_on(
    start: Callable[..., WorkerProcess], gateway: FakeGateway
) -> None:
    worker = start(echo, max_requests=2, request_timeout=0).boot()
    worker.link(gateway)
    for stream in range(1, 5):
        push(gateway, stream, f"/{stream}")
        frame = gateway.frame()
        assert frame is not None
        assert (frame.kind, frame.stream) == (wire.RESPONSE, stream)
    assert worker.event() == {"ev": "worn", "requests": 2}
    worker.say("stop")
    gateway.send(wire.STOP)
    assert worker.exit_code() == 0
    assert worker.log.count("[INFO] Autorestarting worker after current request.") == 1


def test_a_late_request_is_cancelled_and_the_worker_serves_on(
    start: Callable[..., WorkerProcess], gateway: FakeGateway
) -> None:
    worker = start(echo, request_timeout=0.01).boot()
    worker.link(gateway)
    push(gateway, 1, "/wait")
    while not entry(gateway, 1):
        time.sleep(0.001)
    frame = None
    while frame is None:
        os.kill(worker.pid, signal.SIGUSR2)
        if select.select([gateway.end], [], [], 0.05)[0]:
            frame = gateway.frame()
    assert (frame.kind, frame.stream) == (wire.ABORT, 1)
    push(gateway, 2, "/2")
    frame = gateway.frame()
    assert frame is not None
    assert (frame.kind, frame.stream) == (wire.RESPONSE, 2)
    worker.say("stop")
    gateway.send(wire.STOP)
    assert worker.exit_code() == 0
    assert worker.log.count("[ERROR] Request timed out") == 1
    assert "in echo" in worker.log


def test_a_living_worker_shows_its_stacks(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(echo).boot()
    worker.link(gateway)
    push(gateway, 1, "/wait")
    push(gateway, 2, "/a")
    assert answer(gateway)[:2] == (wire.RESPONSE, 2)
    whole = worker.show_stacks()
    assert whole.startswith("Thread MainThread (")
    # The application's own and its lifespan's, not only those of the loop's owner.
    assert whole.count("in echo\n") == 2
    one = worker.show_stacks(1)
    assert one.count("in echo\n") == 1
    assert "MainThread" not in one
    push(gateway, 3, "/block")
    worker.wait_for_log("application runs")
    # The task that runs has its last calls in the thread's stack.
    assert "MainThread" in worker.wait_for_stack("time.sleep(PATIENCE_SECONDS)", 3)
    assert "Traceback" not in worker.log


def test_the_stacks_of_all_tasks_are_shown_at_sigabrt(
    start: Callable[..., WorkerProcess], gateway: FakeGateway
) -> None:
    worker = start(echo).boot()
    worker.link(gateway)
    push(gateway, 1, "/wait")
    push(gateway, 2, "/block")
    worker.wait_for_log("application runs")
    os.kill(worker.pid, signal.SIGABRT)
    worker.exit_code()
    _, tasks = worker.log.split("stacks of all tasks at SIGABRT", 1)
    assert "await self._change()" in tasks or "await receive()" in tasks


def test_serves_two_gateways_and_leaves_when_both_have_released_it(
    start: Callable[..., WorkerProcess], gateways: list[FakeGateway]
) -> None:
    check_two_gateways_release(start(echo).boot(), gateways, push, b" {'began': True} ")


def test_goes_on_with_one_gateway_when_the_other_and_the_nursery_are_gone(
    start: Callable[..., WorkerProcess], gateways: list[FakeGateway]
) -> None:
    check_one_gateway_remains(start(echo).boot(), gateways, push, b" {'began': True} ")
