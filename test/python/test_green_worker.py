"""Whole gevent and eventlet workers in forked processes: many requests, bodies, stop, ends of file, a blocked hub."""

from __future__ import annotations

import marshal
import os
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from fake_gateway import PATIENCE_SECONDS, FakeGateway, make_environ
from pushed_worker_checks import answer, check_one_gateway_remains, check_two_gateways_release, entry, push_head
from test_worker_life import LIFE_HOOKS, hooks_called
from tunicorn_worker import wire
from tunicorn_worker.green_channel import UNSENT_BYTES_MAX
from tunicorn_worker.green_library import Eventlet, Gevent
from tunicorn_worker.green_worker import GreenWorker
from tunicorn_worker.stacks_file import REQUEST_OVER
from worker_process import GATEWAY, WorkerProcess

RUNS = "application runs\n"
HOOKS_OF_A_QUIT = ["post_worker_init", "worker_int", "worker_exit"]


@pytest.fixture(params=[Gevent, Eventlet], ids=["gevent", "eventlet"])
def start(request: Any, start: Callable[..., WorkerProcess]) -> Callable[..., WorkerProcess]:
    def make_worker(**given: Any) -> GreenWorker:
        # In the forked worker: the tests' own process is never patched.
        return GreenWorker(request.param(), **given)

    return partial(start, worker_class=make_worker)


def application(environ: Any, start_response: Any) -> Any:
    path = environ["PATH_INFO"]
    if path == "/wait":
        os.write(2, RUNS.encode())
        try:
            time.sleep(PATIENCE_SECONDS)
        finally:
            os.write(2, b"cleaned up\n")
    if path == "/nap":
        os.write(2, RUNS.encode())
        time.sleep(0.2)
    if path == "/block":
        os.write(2, RUNS.encode())
        while True:
            pass
    if path == "/take":
        taken = environ["gunicorn.socket"]
        taken.sendall(taken.recv(100).upper())
        raise StopIteration
    start_response("200 OK", [])
    if path == "/large":
        return [b"x" * wire.FRAME_BODY_BYTES_MAX] * 3
    return [f"{path} {environ['wsgi.multithread']} ".encode(), environ["wsgi.input"].read()]


def push(gateway: FakeGateway, stream: int, path: str, body: bytes = b"", flags: int = 0) -> None:
    head = marshal.dumps(make_environ(target=path), 0)
    push_head(gateway, stream, head, body, flags)


def test_serves_many_at_once_and_leaves(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(application).boot()
    worker.link(gateway)
    push(gateway, 5, "/nap")
    push(gateway, 6, "/a", b"body")
    assert answer(gateway) == (wire.RESPONSE, 6, b"/a True body")
    worker.wait_for_log(RUNS)
    assert (entry(gateway, 5), entry(gateway, 6), entry(gateway, 7)) == (5, 6, 0)
    worker.say("stop")
    frames = [answer(gateway), answer(gateway)]
    assert sorted(frames) == [(wire.RESPONSE, 5, b"/nap True "), (wire.LEAVING, 0, b"")]
    # It was on its way when the worker said so.
    push(gateway, 7, "/late")
    assert answer(gateway) == (wire.RESPONSE, 7, b"/late True ")
    gateway.send(wire.STOP)
    assert gateway.frame() is None
    assert worker.exit_code() == 0


def test_a_body_is_read_as_it_comes_while_others_are_served(
    start: Callable[..., WorkerProcess], gateway: FakeGateway
) -> None:
    worker = start(application).boot()
    worker.link(gateway)
    push(gateway, 5, "/slow", flags=wire.BODY_FOLLOWS)
    assert answer(gateway) == (wire.CREDIT, 5, wire.U32.pack(wire.STREAM_WINDOW_BYTES))
    gateway.send(wire.REQUEST_BODY, 5, b"some")
    push(gateway, 6, "/quick")
    assert answer(gateway) == (wire.RESPONSE, 6, b"/quick True ")
    gateway.send(wire.REQUEST_BODY, 5, b" more")
    gateway.send(wire.REQUEST_BODY_END, 5)
    assert answer(gateway) == (wire.RESPONSE, 5, b"/slow True some more")


def test_a_body_that_is_all_there_is_one_frame(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(application).boot()
    worker.link(gateway)
    push(gateway, 5, "/large")
    kind, _, body = answer(gateway)
    assert (kind, len(body)) == (wire.RESPONSE, 3 * wire.FRAME_BODY_BYTES_MAX)


def stream(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/quick":
        return [b"quick"]
    return (b"x" * wire.FRAME_BODY_BYTES_MAX for _ in range(3))


def test_a_stream_waits_for_its_client_and_no_other(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(stream).boot()
    worker.link(gateway)
    push(gateway, 5, "/stream")
    kind, _, first = answer(gateway)
    assert (kind, len(first)) == (wire.HEAD, wire.STREAM_WINDOW_BYTES)
    push(gateway, 6, "/quick")
    # Nothing of the stream is before it: there is no credit.
    assert answer(gateway) == (wire.RESPONSE, 6, b"quick")
    for _ in range(2):
        gateway.send(wire.RESPONSE_CREDIT, 5, wire.U32.pack(wire.FRAME_BODY_BYTES_MAX))
        kind, _, part = answer(gateway)
        assert (kind, len(part)) == (wire.BODY, wire.FRAME_BODY_BYTES_MAX)
    assert answer(gateway) == (wire.END, 5, b"")


def test_a_gateway_that_reads_late_gets_everything(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(stream).boot()
    worker.link(gateway)
    # Their first windows are more than the kernel takes and more than may be unsent: some of them wait.
    streams = range(1, 3 * UNSENT_BYTES_MAX // wire.STREAM_WINDOW_BYTES)
    for number in streams:
        push(gateway, number, "/stream")
    frames = [answer(gateway) for _ in streams]
    assert sorted(number for _, number, _ in frames) == list(streams)
    assert {(kind, len(body)) for kind, _, body in frames} == {(wire.HEAD, wire.STREAM_WINDOW_BYTES)}


def test_a_client_that_leaves_ends_its_stream(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(stream).boot()
    worker.link(gateway)
    push(gateway, 5, "/stream")
    assert answer(gateway)[0] == wire.HEAD
    gateway.send(wire.CANCEL, 5)
    assert answer(gateway) == (wire.ABORT, 5, b"")
    worker.wait_for_log("Ignoring EPIPE")


def test_a_connection_is_taken_over(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(application).boot()
    worker.link(gateway)
    push(gateway, 5, "/take")
    worker.control.settimeout(PATIENCE_SECONDS)
    line, descriptors, _, _ = socket.recv_fds(worker.control, 4096, 1)
    assert line == b'{"ev":"taken","gateway":%d,"stream":5}\n' % GATEWAY
    with socket.socket(fileno=descriptors[0]) as client:
        client.settimeout(PATIENCE_SECONDS)
        client.sendall(b"hello")
        assert client.recv(100) == b"HELLO"
        assert client.recv(100) == b""
    assert answer(gateway) == (wire.TAKEN, 5, b"")


def test_answers_a_ping(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(application).boot()
    worker.link(gateway)
    push(gateway, 5, "/wait")
    gateway.send(wire.PING)
    assert answer(gateway) == (wire.PONG, 0, b"")


def test_a_blocked_hub_is_aborted(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(application).boot()
    worker.link(gateway)
    push(gateway, 5, "/wait")
    worker.wait_for_log(RUNS)
    worker.log = ""
    push(gateway, 6, "/block")
    worker.wait_for_log(RUNS)
    push(gateway, 7, "/unbegun")
    os.kill(worker.pid, signal.SIGABRT)
    kind, number, body = answer(gateway)
    assert (kind, number) == (wire.RESPONSE, 6)
    assert b"Internal Server Error" in body
    assert worker.exit_code() == 1
    assert "stacks of waiting greenlets at SIGABRT" in worker.log
    assert "greenlets: 1\n" in worker.log
    assert "stacks of all threads at SIGABRT" in worker.log
    assert entry(gateway, 7) == 0


def test_a_living_worker_shows_its_stacks(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(application).boot()
    worker.link(gateway)
    push(gateway, 5, "/wait")
    worker.wait_for_log(RUNS)
    assert worker.wait_for_stack("greenlets: 1\n").startswith("Thread MainThread (")
    assert "MainThread" not in worker.wait_for_stack("in application\n", 5)
    worker.log = ""
    push(gateway, 6, "/block")
    worker.wait_for_log(RUNS)
    # It runs: its stack is that of the thread.
    worker.wait_for_stack("in application\n", 6)
    assert worker.show_stacks(77) == REQUEST_OVER


def test_what_does_not_finish_is_killed(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(application, graceful_timeout=2).boot()
    pid = worker.pid
    worker.link(gateway)
    push(gateway, 5, "/wait")
    worker.wait_for_log(RUNS)
    worker.say("stop")
    assert answer(gateway) == (wire.LEAVING, 0, b"")
    gateway.send(wire.STOP)
    assert answer(gateway) == (wire.ABORT, 5, b"")
    assert gateway.frame() is None
    assert worker.exit_code() == 0
    assert f"Worker graceful timeout (pid:{pid})" in worker.log
    assert "cleaned up" in worker.log
    assert "Error handling request" not in worker.log


def test_quit_while_it_waits_calls_the_hooks(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(application, **LIFE_HOOKS).boot()
    worker.link(gateway)
    worker.say("quit")
    os.kill(worker.pid, signal.SIGQUIT)
    assert worker.exit_code() == 0
    assert [line.split()[0] for line in hooks_called(worker.log)] == HOOKS_OF_A_QUIT, worker.log


def test_quit_while_the_hub_is_blocked(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(application, **LIFE_HOOKS).boot()
    worker.link(gateway)
    push(gateway, 5, "/block")
    worker.wait_for_log(RUNS)
    worker.say("quit")
    os.kill(worker.pid, signal.SIGQUIT)
    assert worker.exit_code() == 0
    assert [line.split()[0] for line in hooks_called(worker.log)] == HOOKS_OF_A_QUIT, worker.log


def test_a_new_gateway_takes_over(start: Callable[..., WorkerProcess], gateways: list[FakeGateway]) -> None:
    worker = start(application).boot()
    worker.link(gateways[0])
    push(gateways[0], 5, "/wait")
    worker.wait_for_log(RUNS)
    gateways[0].end.close()
    worker.link(gateways[1])
    push(gateways[1], 5, "/a")
    assert answer(gateways[1]) == (wire.RESPONSE, 5, b"/a True ")


def test_a_gateway_that_leaves_ends_what_waits_for_it(
    start: Callable[..., WorkerProcess], gateways: list[FakeGateway]
) -> None:
    worker = start(application).boot()
    worker.link(gateways[0])
    push(gateways[0], 5, "/body", flags=wire.BODY_FOLLOWS)
    assert answer(gateways[0])[0] == wire.CREDIT
    gateways[0].end.close()
    worker.wait_for_log("Ignoring EPIPE")
    worker.link(gateways[1])
    push(gateways[1], 5, "/a")
    assert answer(gateways[1]) == (wire.RESPONSE, 5, b"/a True ")


def test_outlives_the_nursery_but_not_both(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(application).boot()
    worker.link(gateway)
    worker.control.close()
    push(gateway, 5, "/a")
    assert answer(gateway)[0] == wire.RESPONSE
    gateway.end.close()
    assert worker.exit_code() == 0


def test_the_end_of_the_lifeline_ends_it(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(application).boot()
    worker.link(gateway)
    worker.lifeline.close()
    assert answer(gateway) == (wire.LEAVING, 0, b"")
    gateway.send(wire.STOP)
    assert worker.exit_code() == 0
    assert "Parent changed, shutting down" in worker.log


def test_broken_frames_close_the_channel(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(application).boot()
    worker.link(gateway)
    gateway.end.sendall(b"\xff" * wire.FRAME_HEADER_BYTES)
    assert gateway.frame() is None
    worker.wait_for_log("worker channel closed worker=42: the gateway sent a frame of 4294967295 bytes")


def test_max_requests_is_told_once_and_the_worker_serves_on(
    start: Callable[..., WorkerProcess], gateway: FakeGateway
) -> None:
    worker = start(application, max_requests=2).boot()
    worker.link(gateway)
    for stream_id in (5, 6, 7):
        push(gateway, stream_id, "/a")
        assert answer(gateway) == (wire.RESPONSE, stream_id, b"/a True ")
    assert worker.event() == {"ev": "worn", "requests": 2}
    worker.say("stop")
    assert answer(gateway) == (wire.LEAVING, 0, b"")
    gateway.send(wire.STOP)
    assert worker.exit_code() == 0


@pytest.mark.parametrize("path", ["/wait", "/block"])
def test_a_late_request_is_interrupted_and_no_other(
    start: Callable[..., WorkerProcess], gateway: FakeGateway, path: str
) -> None:
    worker = start(application, request_timeout=0.01).boot()
    worker.link(gateway)
    # Its body does not come: it waits in our own code, which is not interrupted.
    push(gateway, 4, "/slow", flags=wire.BODY_FOLLOWS)
    assert answer(gateway)[:2] == (wire.CREDIT, 4)
    push(gateway, 5, path)
    worker.wait_for_log(RUNS)
    gateway.end.settimeout(0.1)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        # Too early the first time, perhaps: the arbiter repeats it, too.
        os.kill(worker.pid, signal.SIGUSR2)
        try:
            assert answer(gateway) == (wire.ABORT, 5, b"")
            break
        except TimeoutError:
            continue
    gateway.end.settimeout(PATIENCE_SECONDS)
    worker.wait_for_log("Request timed out GET " + path)
    gateway.send(wire.REQUEST_BODY, 4, b"some")
    gateway.send(wire.REQUEST_BODY_END, 4)
    assert answer(gateway) == (wire.RESPONSE, 4, b"/slow True some")


def test_serves_two_gateways_and_leaves_when_both_have_released_it(
    start: Callable[..., WorkerProcess], gateways: list[FakeGateway]
) -> None:
    check_two_gateways_release(start(application).boot(), gateways, push, b" True ")


def test_goes_on_with_one_gateway_when_the_other_and_the_nursery_are_gone(
    start: Callable[..., WorkerProcess], gateways: list[FakeGateway]
) -> None:
    check_one_gateway_remains(start(application).boot(), gateways, push, b" True ")
