"""`kill -9` of the nursery: the next one takes over listeners, gateway and workers."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from fake_arbiter import PATIENCE_S, FakeArbiter

LOOPBACK = {"kind": "tcp", "host": "127.0.0.1", "port": 0}


@pytest.fixture(name="arbiter")
def _arbiter(tmp_path: Path) -> Iterator[FakeArbiter]:
    (tmp_path / "app.py").write_text("def application(environ, start_response): ...\n")
    with FakeArbiter(tmp_path) as arbiter:
        arbiter.send_settings()
        yield arbiter


def adopt(arbiter: FakeArbiter, workers: list[tuple[int, int]]) -> None:
    arbiter.start_nursery()
    arbiter.send_settings()
    arbiter.hand_over(workers)
    arbiter.keep("gateway-channel")
    arbiter.keep("parked")
    arbiter.wait("adopted")


@pytest.mark.parametrize("preload", [False, True])
def test_a_new_nursery_goes_on_with_the_same_gateway(arbiter: FakeArbiter, preload: bool) -> None:
    port = arbiter.bind(LOOPBACK)[0]["port"]
    gateway = arbiter.start_gateway()
    old = arbiter.boot(1, preload=preload)
    gateway.wait("worker", worker=1)
    number = 1
    for _ in range(2):
        arbiter.kill_nursery()
        adopt(arbiter, [(number, old)])
        number += 1
        new = arbiter.boot(number, preload=preload)
        # Linked with the pipe and the memory of before: its READY arrives at the gateway that was never restarted.
        assert gateway.wait("worker", worker=number)["frame"][-8:] == f"{number:02x}000000"
        arbiter.say("kill", worker=number - 1)
        assert arbiter.wait("exited", worker=number - 1) == {
            "ev": "exited",
            "worker": number - 1,
            "pid": old,
            "status": None,
        }
        old = new
    gateway.wait("listen", index=0)
    arbiter.say("listen-again", gateway=0)
    assert gateway.wait("listen", index=0)["name"] == ["127.0.0.1", port]


def test_an_adopted_gateway_is_scheduled_as_it_asks(arbiter: FakeArbiter) -> None:
    gateway = arbiter.start_gateway()
    for bulk, policy in [(True, os.SCHED_BATCH), (False, os.SCHED_OTHER), (True, os.SCHED_BATCH)]:
        arbiter.kill_nursery()
        adopt(arbiter, [])
        gateway.make_say(ev="scheduling", bulk=bulk)
        wait_until(lambda policy=policy: os.sched_getscheduler(gateway.pid) == policy)  # type: ignore[misc]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + PATIENCE_S
    while not condition():
        assert monotonic() < deadline
        sleep(0.005)


def test_the_parking_outlives_a_nursery_that_dies_while_it_adopts(arbiter: FakeArbiter) -> None:
    arbiter.bind(LOOPBACK)
    gateway = arbiter.start_gateway()
    arbiter.kill_nursery()
    arbiter.start_nursery()
    arbiter.say("adopt", arbiter.kept["parked", 0], what="parked", gateway=0)
    arbiter.say("unlisten")
    arbiter.wait("unlistened")
    arbiter.kill_nursery()
    adopt(arbiter, [])
    arbiter.boot(1)
    gateway.wait("worker", worker=1)


def test_an_orphan_that_has_ended_meanwhile_is_reported(arbiter: FakeArbiter) -> None:
    arbiter.bind(LOOPBACK)
    arbiter.start_gateway()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    arbiter.kill_nursery()
    adopt(arbiter, [(7, pid)])
    assert arbiter.wait("exited") == {"ev": "exited", "worker": 7, "pid": pid, "status": None}


def test_workers_without_a_nursery_and_a_gateway_leave(arbiter: FakeArbiter) -> None:
    gateway = arbiter.start_gateway()
    arbiter.boot(1)
    arbiter.boot(2, preload=True)
    gateway.wait("worker", worker=2)
    arbiter.kill_nursery()
    os.kill(gateway.pid, signal.SIGKILL)
    adopt_nothing(arbiter)


def adopt_nothing(arbiter: FakeArbiter) -> None:
    """A new nursery for the fixture's end; that checks that the workers and the mold of the old one are gone."""
    arbiter.start_nursery()
    arbiter.wait("hello")


@pytest.mark.parametrize("what", ["parked", "nonsense"])
def test_what_cannot_be_adopted(arbiter: FakeArbiter, what: str) -> None:
    near, far = socket.socketpair()
    with near, far:
        arbiter.say("adopt", far.fileno(), what=what, gateway=0)
    failed = arbiter.wait("failed")
    assert failed["cmd"] == "adopt"
