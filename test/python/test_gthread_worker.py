"""A whole gthread worker in a forked process: its lanes, its main thread, its end."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from fake_gateway import PATIENCE_SECONDS, FakeGateway, make_environ
from tunicorn_worker import wire
from tunicorn_worker.gthread_worker import ThreadWorker
from tunicorn_worker.lane import Lane
from worker_process import NUMBER, WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LANES = 3


class Threaded:
    """A linked worker and its lanes, seen from the gateway."""

    def __init__(self, worker: WorkerProcess, gateway: FakeGateway, lanes: int = LANES) -> None:
        self.worker = worker
        self.lanes = [gateway]
        worker.link(gateway)
        for index in range(1, lanes):
            self.lanes.append(gateway.another_lane())
            worker.link_lane(index, self.lanes[index])

    def claimed_by(self, slot: int) -> int:
        """The lane that has claimed the slot's request, waited for."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            claim, started = self.lanes[0].slot_words(slot)[1:3]
            if claim and started:
                numbers = [wire.lane_number(NUMBER, index) for index in range(len(self.lanes))]
                return numbers.index(claim)
        raise AssertionError(f"nobody claims: {self.worker.log}")

    def answer(self, slot: int, stream: int) -> bytes:
        frame = self.lanes[self.claimed_by(slot)].frame()
        assert frame is not None
        assert (frame.kind, frame.stream) == (wire.RESPONSE, stream)
        return frame.body


@pytest.fixture
def threaded(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> Callable[..., Threaded]:
    def make(application: Any, **config: Any) -> Threaded:
        worker = start(application, worker_class=ThreadWorker, **config)
        return Threaded(worker.boot(), gateway)

    return make


def gate_application(environ: Any, start_response: Any) -> Any:
    """Answers with the thread's name once the file exists that the query names, at once without a query."""
    while environ["QUERY_STRING"] and not os.path.exists(environ["QUERY_STRING"]):
        time.sleep(0.001)
    start_response("200 OK", [])
    flags = f"{environ['wsgi.multithread']} {environ['wsgi.multiprocess']}"
    return [f"{threading.current_thread().name} {flags}".encode()]


def test_as_many_requests_at_once_as_lanes_and_the_next_when_one_is_over(threaded: Any, tmp_path: Any) -> None:
    served = threaded(gate_application)
    gates = [tmp_path / str(n) for n in range(LANES)]
    for n, gate in enumerate(gates):
        served.lanes[0].request(n + 1, make_environ(target=f"/?{gate}"), slot=n)
    lanes = [served.claimed_by(n) for n in range(LANES)]
    assert sorted(lanes) == list(range(LANES))
    served.lanes[0].request(9, make_environ(target="/"), slot=9)
    assert served.lanes[0].slot_words(9)[1] == 0
    gates[1].touch()
    assert served.answer(1, 2) == b"gthread-%d True True" % lanes[1]
    assert served.answer(9, 9) == b"gthread-%d True True" % lanes[1]
    assert served.claimed_by(9) == lanes[1]
    for gate in gates:
        gate.touch()
    assert served.answer(0, 1).startswith(b"gthread-")
    assert served.answer(2, 3).startswith(b"gthread-")


def test_a_living_worker_shows_its_stacks(threaded: Any, tmp_path: Path) -> None:
    served = threaded(gate_application)
    gate = tmp_path / "gate"
    for n in range(2):
        served.lanes[0].request(n + 1, make_environ(target=f"/?{gate}"), slot=n)
    lanes = [served.claimed_by(n) for n in range(2)]
    whole = served.worker.show_stacks()
    assert whole.count("in gate_application\n") == 2
    assert all(f"Thread gthread-{lane} (" in whole for lane in range(LANES))
    one = served.worker.show_stacks(2)
    assert one.count("in gate_application\n") == 1
    assert "Thread" not in one
    gate.touch()
    for n, lane in enumerate(lanes):
        assert served.answer(n, n + 1) == b"gthread-%d True True" % lane


@pytest.mark.parametrize("how", ["command", "frame"])
def test_a_stop_lets_every_lane_finish(threaded: Any, tmp_path: Any, how: str) -> None:
    served = threaded(gate_application)
    gate = tmp_path / "gate"
    for n in range(2):
        served.lanes[0].request(n + 1, make_environ(target=f"/?{gate}"), slot=n)
    busy = {served.claimed_by(n) for n in range(2)}
    (idle,) = set(range(LANES)) - busy
    if how == "command":
        served.worker.say("stop")
    else:
        served.lanes[idle].send(wire.STOP)
    assert [frame.kind for frame in served.lanes[idle].frames()] == [wire.LEAVING]
    gate.touch()
    for lane in busy:
        assert [frame.kind for frame in served.lanes[lane].frames()] == [wire.RESPONSE, wire.LEAVING]
    assert served.worker.exit_code() == 0


def test_a_request_keeps_its_thread_from_its_begin_to_close(threaded: Any) -> None:
    class Body:
        def __init__(self) -> None:
            self.threads = [threading.get_ident()]

        def __iter__(self) -> Any:
            self.threads.append(threading.get_ident())
            yield b"body"

        def close(self) -> None:
            self.threads.append(threading.get_ident())
            os.write(2, b"on one thread\n" if len(set(self.threads)) == 1 else b"on several\n")

    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return Body()

    served = threaded(application)
    served.lanes[0].request(1, make_environ(), slot=0)
    served.worker.wait_for_log("on one thread")


def test_quit_waits_for_nobody(threaded: Any) -> None:
    served = threaded(gate_application)
    served.lanes[0].request(1, make_environ(target="/?/nowhere"), slot=0)
    served.claimed_by(0)
    served.worker.say("quit")
    assert served.worker.exit_code() == 0
    assert "[INFO] Worker exiting (pid: " in served.worker.log


def test_abort_ends_an_idle_worker_with_1(threaded: Any) -> None:
    served = threaded(gate_application)
    os.kill(served.worker.pid, signal.SIGABRT)
    assert served.worker.exit_code() == 1
    assert "stacks of all threads at SIGABRT" in served.worker.log
    assert "Thread gthread-2 " in served.worker.log


def test_the_end_of_the_lifeline_lets_requests_finish_for_graceful_timeout(threaded: Any) -> None:
    served = threaded(gate_application, graceful_timeout=0)
    served.lanes[0].request(1, make_environ(target="/?/nowhere"), slot=0)
    served.claimed_by(0)
    served.worker.lifeline.close()
    assert served.worker.exit_code() == 0
    assert "[INFO] Parent changed, shutting down: <Worker " in served.worker.log


def test_lives_on_without_the_nursery_but_not_without_both(threaded: Any) -> None:
    served = threaded(gate_application)
    served.worker.control.shutdown(socket.SHUT_RDWR)
    served.lanes[0].request(1, make_environ(), slot=0)
    assert served.answer(0, 1)
    for lane in served.lanes:
        lane.end.close()
    assert served.worker.exit_code() == 0, served.worker.log


def test_another_gateway_replaces_the_one_before_though_a_request_of_it_runs(
    threaded: Any, gateways: list[FakeGateway], tmp_path: Any
) -> None:
    served = threaded(gate_application)
    gate = tmp_path / "gate"
    served.lanes[0].request(1, make_environ(target=f"/?{gate}"), slot=0)
    busy = served.claimed_by(0)
    others = [gateways[1]] + [gateways[1].another_lane() for _ in range(1, LANES)]
    served.worker.say(
        "link", [others[0].worker_end.fileno(), others[0].pipe_read, others[0].memory], index=0, gateway=2
    )
    for index in range(1, LANES):
        served.worker.say("lane", [others[index].worker_end.fileno()], index=0, lane=index)
    for index, lane in enumerate(others):
        lane.worker_end.close()
        if index != busy:
            frame = lane.frame()
            assert frame is not None
            assert frame.kind == wire.READY
    gate.touch()
    frame = others[busy].frame()
    assert frame is not None
    assert frame.kind == wire.READY
    assert [frame.kind for frame in served.lanes[busy].frames()] == []


def test_the_main_thread_shows_life_while_a_request_runs(threaded: Any) -> None:
    served = threaded(gate_application)
    served.lanes[0].request(1, make_environ(target="/?/nowhere"), slot=0)
    served.claimed_by(0)
    deadline = time.monotonic() + PATIENCE_SECONDS
    seen: set[int] = set()
    while len(seen) < 3 and time.monotonic() < deadline:
        seen.add(served.lanes[0].slot_words(0)[3])
    assert len(seen) == 3, "0, and two different times"


def test_a_lane_that_fails_ends_the_worker(threaded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise LookupError("a fault of ours")

    monkeypatch.setattr(Lane, "_call", crash)
    served = threaded(gate_application)
    served.lanes[0].request(1, make_environ(), slot=0)
    assert served.worker.exit_code() == 255
    assert "[ERROR] Exception in worker thread\nTraceback" in served.worker.log
    assert "LookupError: a fault of ours" in served.worker.log


def spinning_application(environ: Any, start_response: Any) -> Any:
    """Runs Python code until it is interrupted, or the file exists that the query names."""
    os.write(2, b"application runs\n")
    return gate_application(environ, start_response)


def test_the_thread_with_a_late_request_is_interrupted_and_no_other(
    threaded: Callable[..., Threaded], tmp_path: Path
) -> None:
    workers = threaded(spinning_application, request_timeout=5)
    gateway = workers.lanes[0]
    gates = [str(tmp_path / name) for name in ("late", "young")]
    for slot, gate in enumerate(gates):
        gateway.request(10 + slot, make_environ(target=f"/?{gate}"), slot=slot)
    late, young = (workers.claimed_by(slot) for slot in (0, 1))
    gateway.begin_earlier(0, 6)
    # The thread has claimed it, but may not be in the application yet: as the arbiter, ask again.
    frame = None
    while frame is None:
        os.kill(workers.worker.pid, signal.SIGUSR2)
        if select.select([workers.lanes[late].end], [], [], 0.05)[0]:
            frame = workers.lanes[late].frame()
    assert (frame.kind, frame.stream) == (wire.ABORT, 10)
    (tmp_path / "young").touch()
    assert workers.answer(1, 11).startswith(b"gthread-")
    assert young != late
    gateway.request(20, make_environ(), slot=2)
    assert workers.answer(2, 20).startswith(b"gthread-")
    workers.worker.say("stop")
    assert workers.worker.exit_code() == 0
    assert workers.worker.log.count("[ERROR] Request timed out GET /?") == 1


def test_max_requests_counts_all_threads(threaded: Callable[..., Threaded]) -> None:
    workers = threaded(gate_application, max_requests=3)
    gateway = workers.lanes[0]
    for slot in range(5):
        gateway.request(10 + slot, make_environ(), slot=slot)
        workers.answer(slot, 10 + slot)
    assert workers.worker.event() == {"ev": "worn", "requests": 3}
    workers.worker.say("stop")
    assert workers.worker.exit_code() == 0
    assert workers.worker.log.count("[INFO] Autorestarting worker after current request.") == 1


def link_another(served: Threaded, gateway: FakeGateway) -> Threaded:
    """Link the worker with a second gateway; returns its lanes there."""
    other = Threaded.__new__(Threaded)
    other.worker = served.worker
    other.lanes = [gateway, *(gateway.another_lane() for _ in range(1, LANES))]
    served.worker.link(gateway, 1)
    for index in range(1, LANES):
        served.worker.link_lane(index, other.lanes[index], 1)
    return other


def test_threads_serve_two_gateways(threaded: Any, gateways: list[FakeGateway], tmp_path: Any) -> None:
    served = threaded(gate_application)
    other = link_another(served, gateways[1])
    gates = [tmp_path / str(n) for n in range(LANES)]
    # Every thread is busy, with requests of both; the next one of either has to wait for any of them.
    for n, (gate, of) in enumerate(zip(gates, (served, other, other), strict=True)):
        of.lanes[0].request(n + 1, make_environ(target=f"/?{gate}"), slot=n)
    assert sorted([served.claimed_by(0), other.claimed_by(1), other.claimed_by(2)]) == list(range(LANES))
    served.lanes[0].request(9, make_environ(), slot=9)
    gates[1].touch()
    assert other.answer(1, 2).startswith(b"gthread-")
    assert served.answer(9, 9).startswith(b"gthread-")
    for gate in gates:
        gate.touch()
    assert served.answer(0, 1).startswith(b"gthread-")
    assert other.answer(2, 3).startswith(b"gthread-")
    for stream in range(10, 200):
        of = (served, other)[stream % 2]
        of.lanes[0].request(stream, make_environ(), slot=stream)
        assert of.answer(stream, stream).startswith(b"gthread-")


def test_requests_of_two_gateways_with_one_number_are_both_shown_while_they_run(
    threaded: Any, gateways: list[FakeGateway], tmp_path: Any
) -> None:
    served = threaded(gate_application)
    other = link_another(served, gateways[1])
    gates = [tmp_path / "first", tmp_path / "second"]
    for gate, of in zip(gates, (served, other), strict=True):
        of.lanes[0].request(7, make_environ(target=f"/?{gate}"), slot=7)
        of.claimed_by(7)
    assert served.worker.show_stacks(7).count("in gate_application\n") == 2
    for gate, of, left in zip(gates, (served, other), (1, 0), strict=True):
        gate.touch()
        of.answer(7, 7)
        # The lane is at the end of the call for a moment.
        for _ in range(100):
            if (shown := served.worker.show_stacks(7).count("in _call_application\n")) == left:
                break
        assert shown == left


def test_one_of_two_gateways_is_replaced_while_threads_serve_both(
    threaded: Any, gateways: list[FakeGateway], tmp_path: Any
) -> None:
    served = threaded(gate_application)
    other = link_another(served, gateways[1])
    gate = tmp_path / "gate"
    other.lanes[0].request(1, make_environ(target=f"/?{gate}"), slot=1)
    other.claimed_by(1)
    third = FakeGateway()
    for lane in other.lanes:
        lane.end.close()
    fresh = link_another(served, third)
    for stream in range(2, 30):
        of = (served, fresh)[stream % 2]
        of.lanes[0].request(stream, make_environ(), slot=stream)
        assert of.answer(stream, stream).startswith(b"gthread-")
    gate.touch()
    served.worker.say("stop")
    for lane in (*served.lanes, *fresh.lanes):
        assert [frame.kind for frame in lane.frames()] == [wire.LEAVING]
    assert served.worker.exit_code() == 0
    third.close()


def test_lives_on_with_one_gateway_without_the_nursery(threaded: Any, gateways: list[FakeGateway]) -> None:
    served = threaded(gate_application)
    other = link_another(served, gateways[1])
    served.worker.control.shutdown(socket.SHUT_RDWR)
    for lane in served.lanes:
        lane.end.close()
    for stream in range(1, 10):
        other.lanes[0].request(stream, make_environ(), slot=stream)
        assert other.answer(stream, stream).startswith(b"gthread-")
    for lane in other.lanes:
        lane.end.close()
    assert served.worker.exit_code() == 0, served.worker.log
