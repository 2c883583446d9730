"""A whole sync worker in a forked process: commands, tickets, ends of file, signals, boot failures."""

from __future__ import annotations

import marshal
import os
import select
import signal
import socket
import sys
import time
from typing import Any

import pytest

from fake_gateway import PATIENCE_SECONDS, FakeGateway, make_environ
from tunicorn_worker import wire
from worker_process import GATEWAY, NUMBER


def echo(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    return [environ["RAW_URI"].encode(), b" ", environ["wsgi.input"].read()]


def blocked(environ: Any, start_response: Any) -> Any:
    """Says that it runs, then waits for a signal."""
    os.write(2, b"application runs\n")
    while True:
        time.sleep(PATIENCE_SECONDS)


def answer(gateway: FakeGateway) -> tuple[int, bytes]:
    frame = gateway.frame()
    assert frame is not None
    return frame.stream, frame.body


def test_serves_requests_in_order(start: Any, gateway: FakeGateway) -> None:
    worker = start(echo).boot()
    worker.link(gateway)
    for stream in range(1, 20):
        gateway.request(stream, make_environ(target=f"/{stream}"), body=b"b" * stream, slot=stream)
    for stream in range(1, 20):
        assert answer(gateway) == (stream, b"/%d " % stream + b"b" * stream)
    assert gateway.slot_words(7)[:2] == (7, NUMBER)


def test_voided_requests_and_void_tickets_do_not_run(start: Any, gateway: FakeGateway) -> None:
    worker = start(echo).boot()
    gateway.request(1, make_environ(target="/void"), slot=1)
    gateway.write_slot(1, 0)
    gateway.write_ticket(0, 0, 0, 0)
    gateway.request(2, make_environ(target="/lives"), slot=2)
    worker.link(gateway)
    assert answer(gateway) == (2, b"/lives ")
    assert gateway.slot_words(1) == (0, 0, 0, 0)


def test_large_head_and_streamed_body(start: Any, gateway: FakeGateway) -> None:
    worker = start(echo).boot()
    worker.link(gateway)
    gateway.write_slot(0, 5)
    gateway.write_ticket(0, wire.THROUGH_CHANNEL, 5, wire.THROUGH_CHANNEL)
    frame = gateway.frame()
    assert frame is not None
    assert frame.kind == wire.FETCH_HEAD
    gateway.send(wire.REQUEST_HEAD, 5, marshal.dumps(make_environ(HTTP_COOKIE="c" * 20000), 0))
    frame = gateway.frame()
    assert frame is not None
    assert frame.kind == wire.CREDIT
    gateway.send(wire.REQUEST_BODY, 5, b"streamed")
    gateway.send(wire.REQUEST_BODY_END, 5)
    assert answer(gateway) == (5, b"/ streamed")


def test_stop_command(start: Any, gateway: FakeGateway) -> None:
    worker = start(echo).boot()
    worker.link(gateway)
    worker.say("stop")
    assert [frame.kind for frame in gateway.frames()] == [wire.LEAVING]
    assert worker.exit_code() == 0
    assert "[INFO] Booting worker with pid: " in worker.log
    assert "[INFO] Worker exiting (pid: " in worker.log


def test_stop_frame(start: Any, gateway: FakeGateway) -> None:
    worker = start(echo).boot()
    worker.link(gateway)
    gateway.send(wire.STOP)
    assert [frame.kind for frame in gateway.frames()] == [wire.LEAVING]
    assert worker.exit_code() == 0


def test_tickets_of_a_gateway_that_died_do_not_run(start: Any, gateways: list[FakeGateway]) -> None:
    first, second = gateways
    worker = start(echo).boot()
    os.kill(worker.pid, signal.SIGSTOP)
    worker.say("link", [first.worker_end.fileno(), first.pipe_read, first.memory], index=0, gateway=GATEWAY)
    first.worker_end.close()
    first.request(1, make_environ(target="/dead"), slot=1)
    first.end.close()
    os.kill(worker.pid, signal.SIGCONT)
    worker.link(second)
    second.request(2, make_environ(target="/alive"))
    assert answer(second) == (2, b"/alive ")
    assert first.slot_words(1)[1:3] == (0, 0)


def test_a_link_replaces_the_one_before(start: Any, gateways: list[FakeGateway]) -> None:
    first, second = gateways
    worker = start(echo).boot()
    worker.link(first)
    worker.link(second)
    assert first.frames() == []
    second.request(9, make_environ())
    assert answer(second) == (9, b"/ ")


def test_outlives_the_nursery_but_not_both(start: Any, gateway: FakeGateway) -> None:
    worker = start(echo).boot()
    worker.link(gateway)
    worker.control.shutdown(socket.SHUT_RDWR)
    gateway.request(1, make_environ())
    assert answer(gateway) == (1, b"/ ")
    gateway.end.close()
    assert worker.exit_code() == 0, worker.log


def test_end_of_the_lifeline(start: Any, gateway: FakeGateway) -> None:
    worker = start(echo).boot()
    worker.link(gateway)
    worker.lifeline.close()
    assert worker.exit_code() == 0
    assert "[INFO] Parent changed, shutting down: <Worker " in worker.log


@pytest.mark.parametrize("name", ["TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "WINCH"])
def test_signals_are_reported_and_not_obeyed(start: Any, gateway: FakeGateway, name: str) -> None:
    worker = start(echo).boot()
    worker.link(gateway)
    os.kill(worker.pid, getattr(signal, f"SIG{name}"))
    assert worker.event() == {"ev": "signalled", "signal": name}
    gateway.request(1, make_environ())
    assert answer(gateway) == (1, b"/ ")


@pytest.mark.parametrize("link_waits", [False, True])
def test_announced_quit_ends_a_running_application(start: Any, gateways: list[FakeGateway], link_waits: bool) -> None:
    first, second = gateways
    worker = start(blocked).boot()
    worker.link(first)
    first.request(1, make_environ())
    worker.wait_for_log("application runs")
    if link_waits:
        worker.say("link", [second.worker_end.fileno(), second.pipe_read, second.memory], index=0, gateway=GATEWAY)
    worker.say("quit")
    os.kill(worker.pid, signal.SIGQUIT)
    assert worker.exit_code() == 0
    assert "[INFO] Worker exiting (pid: " in worker.log


def test_abort_answers_500_with_all_stacks_in_the_log(start: Any, gateway: FakeGateway) -> None:
    worker = start(blocked).boot()
    worker.link(gateway)
    gateway.request(1, make_environ(target="/slow"))
    worker.wait_for_log("application runs")
    os.kill(worker.pid, signal.SIGABRT)
    response, leaving = gateway.frames()
    assert response.status == b"500 Internal Server Error"
    assert leaving.kind == wire.LEAVING
    assert worker.exit_code() == 1
    assert "[ERROR] stacks of all threads at SIGABRT" in worker.log
    assert "in blocked" in worker.log
    assert "[ERROR] Error handling request GET /slow" in worker.log


def test_idle_abort(start: Any) -> None:
    worker = start(echo).boot()
    os.kill(worker.pid, signal.SIGABRT)
    assert worker.exit_code() == 1


def test_system_exit_of_the_application_does_not_end_the_worker(start: Any, gateway: FakeGateway) -> None:
    def application(environ: Any, start_response: Any) -> Any:
        sys.exit(3)

    worker = start(application).boot()
    worker.link(gateway)
    for stream in (1, 2):
        gateway.request(stream, make_environ())
        frame = gateway.frame()
        assert frame is not None
        assert (frame.stream, frame.status[:3]) == (stream, b"500")


def test_max_requests_is_told_once_and_the_worker_serves_on(start: Any, gateway: FakeGateway) -> None:
    worker = start(echo, max_requests=2).boot()
    worker.link(gateway)
    for stream in range(1, 5):
        gateway.request(stream, make_environ(target=f"/{stream}"), slot=stream)
        assert answer(gateway) == (stream, b"/%d " % stream)
    assert worker.event() == {"ev": "worn", "requests": 2}
    worker.say("stop")
    assert worker.exit_code() == 0
    assert worker.log.count("[INFO] Autorestarting worker after current request.") == 1


def test_a_late_request_is_interrupted_and_the_worker_serves_on(start: Any, gateway: FakeGateway) -> None:
    def application(environ: Any, start_response: Any) -> Any:
        return (blocked if environ["PATH_INFO"] == "/block" else echo)(environ, start_response)

    worker = start(application, request_timeout=5).boot()
    worker.link(gateway)
    gateway.request(1, make_environ(target="/block"), slot=1)
    worker.wait_for_log("application runs")
    # It is not late yet: nothing happens, however often it is asked.
    os.kill(worker.pid, signal.SIGUSR2)
    gateway.begin_earlier(1, 6)
    os.kill(worker.pid, signal.SIGUSR2)
    frame = gateway.frame()
    assert frame is not None
    assert (frame.kind, frame.stream) == (wire.ABORT, 1)
    # Between requests there is nothing to interrupt.
    os.kill(worker.pid, signal.SIGUSR2)
    gateway.request(2, make_environ(target="/2"), slot=2)
    assert answer(gateway) == (2, b"/2 ")
    worker.say("stop")
    assert worker.exit_code() == 0
    assert "[ERROR] Request timed out GET /block" in worker.log
    assert "RequestTimeout: the request took longer than request_timeout" in worker.log


def test_an_application_may_answer_a_timeout_itself(start: Any, gateway: FakeGateway) -> None:
    def application(environ: Any, start_response: Any) -> Any:
        try:
            return blocked(environ, start_response)
        except BaseException as error:
            start_response("503 Later", [])
            return [type(error).__name__.encode()]

    worker = start(application, request_timeout=5).boot()
    worker.link(gateway)
    gateway.request(1, make_environ(), slot=1)
    worker.wait_for_log("application runs")
    gateway.begin_earlier(1, 6)
    os.kill(worker.pid, signal.SIGUSR2)
    assert answer(gateway) == (1, b"RequestTimeout")


def test_serves_two_gateways_one_request_at_a_time(start: Any, gateways: list[FakeGateway]) -> None:
    worker = start(echo).boot()
    for index, gateway in enumerate(gateways):
        worker.link(gateway, index)
    for stream in range(1, 10):
        for index, gateway in enumerate(gateways):
            gateway.request(stream, make_environ(target=f"/{index}/{stream}"), slot=stream)
    for stream in range(1, 10):
        for index, gateway in enumerate(gateways):
            assert answer(gateway) == (stream, b"/%d/%d " % (index, stream))
    started = [gateway.slot_words(9)[1:3] for gateway in gateways]
    assert [claim for claim, _ in started] == [NUMBER, NUMBER]


def test_neither_of_two_gateways_is_served_alone_while_both_have_requests(
    start: Any, gateways: list[FakeGateway]
) -> None:
    worker = start(count_requests).boot()
    for index, gateway in enumerate(gateways):
        worker.link(gateway, index)
    os.kill(worker.pid, signal.SIGSTOP)
    for stream in range(1, 10):
        for gateway in gateways:
            gateway.request(stream, make_environ(), slot=stream)
    os.kill(worker.pid, signal.SIGCONT)
    turns = [[int(answer(gateway)[1]) for _ in range(1, 10)] for gateway in gateways]
    assert sorted(turns[0] + turns[1]) == list(range(1, 19))
    # Whoever had slept may begin with the same one twice.
    assert all(abs(one - other) <= 2 for one, other in zip(*turns, strict=True)), turns


COUNTED: list[int] = []


def count_requests(_environ: Any, start_response: Any) -> Any:
    COUNTED.append(1)
    start_response("200 OK", [])
    return [b"%d" % len(COUNTED)]


def test_one_of_two_gateways_ends_and_the_other_is_served_on(start: Any, gateways: list[FakeGateway]) -> None:
    first, second = gateways
    worker = start(echo).boot()
    for index, gateway in enumerate(gateways):
        worker.link(gateway, index)
    worker.control.shutdown(socket.SHUT_RDWR)
    first.end.close()
    second.request(3, make_environ())
    assert answer(second) == (3, b"/ ")
    second.send(wire.STOP)
    assert [frame.kind for frame in second.frames()] == [wire.LEAVING]
    assert worker.exit_code() == 0


@pytest.mark.parametrize("asked", [0, 1])
def test_a_stop_of_either_gateway_is_told_to_both(start: Any, gateways: list[FakeGateway], asked: int) -> None:
    worker = start(echo).boot()
    for index, gateway in enumerate(gateways):
        worker.link(gateway, index)
    gateways[asked].send(wire.STOP)
    for gateway in gateways:
        assert [frame.kind for frame in gateway.frames()] == [wire.LEAVING]
    assert worker.exit_code() == 0


def test_a_request_of_either_gateway_is_interrupted_when_it_is_late(start: Any, gateways: list[FakeGateway]) -> None:
    worker = start(blocked, request_timeout=5).boot()
    for index, gateway in enumerate(gateways):
        worker.link(gateway, index)
    for gateway in gateways:
        gateway.request(1, make_environ(), slot=1)
        worker.wait_for_log("application runs\n")
        worker.log = ""
        os.kill(worker.pid, signal.SIGUSR2)  # Too early: nothing is to come of it.
        gateway.begin_earlier(1, 6)
        os.kill(worker.pid, signal.SIGUSR2)
        assert answer(gateway)[0] == 1


def wait_for_gate(environ: Any, start_response: Any) -> Any:
    """Stays in the application until the file exists that the query names."""
    while not os.path.exists(environ["QUERY_STRING"]):
        time.sleep(0.001)
    return echo(environ, start_response)


ROUNDS = 150


def test_no_worker_sleeps_beside_a_request_while_two_gateways_give_some(
    start: Any, gateways: list[FakeGateway], tmp_path: Any
) -> None:
    lanes = []
    for _ in range(3):
        worker = start(wait_for_gate).boot()
        for index, gateway in enumerate(gateways):
            lanes.append(gateway.another_lane())
            worker.link(lanes[-1], index)
    for stream in range(1, ROUNDS):
        gate = tmp_path / str(stream)
        # As close together as can be: one sleeper may be woken by one and find both.
        for gateway in gateways[:: 1 if stream % 2 else -1]:
            gateway.request(stream, make_environ(target=f"/?{gate}"), slot=stream)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not all(gateway.slot_words(stream)[2] for gateway in gateways):
            assert time.monotonic() < deadline, "one of them waits behind the other"
        gate.touch()
        for _ in gateways:
            ready, _, _ = select.select([lane.end for lane in lanes], [], [], PATIENCE_SECONDS)
            for lane in lanes:
                if lane.end in ready:
                    assert answer(lane)[0] == stream
            if len(ready) == 2:
                break
