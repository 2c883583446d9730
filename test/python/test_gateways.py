"""Two gateways and one nursery: stand-ins for the gateways, real workers."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fake_arbiter import FakeArbiter
from tunicorn_worker.gateways import Gateways

LOOPBACK = {"kind": "tcp", "host": "127.0.0.1", "port": 0}


@pytest.fixture(name="arbiter")
def _arbiter(tmp_path: Path) -> Iterator[FakeArbiter]:
    (tmp_path / "app.py").write_text("def application(environ, start_response): ...\n")
    with FakeArbiter(tmp_path) as arbiter:
        arbiter.send_settings()
        yield arbiter


def test_every_worker_gets_channels_to_every_gateway(arbiter: FakeArbiter) -> None:
    arbiter.bind(LOOPBACK)
    first = arbiter.start_gateway(0)
    arbiter.boot(1)
    second = arbiter.start_gateway(1)
    arbiter.boot(2)
    for gateway in (first, second):
        for worker in (1, 2):
            assert gateway.wait("worker", worker=worker)["frame"][-8:] == f"{worker:02x}000000"
        gateway.wait("listen", index=0)


def test_one_that_is_started_again_is_linked_and_the_other_is_left_alone(arbiter: FakeArbiter) -> None:
    arbiter.bind(LOOPBACK)
    first, second = arbiter.start_gateway(0), arbiter.start_gateway(1)
    arbiter.boot(1)
    for gateway in (first, second):
        gateway.wait("worker", worker=1)
    os.kill(second.pid, signal.SIGKILL)
    assert arbiter.wait("gateway-exited", pid=second.pid)["status"] == {"signal": "SIGKILL"}
    third = arbiter.start_gateway(1)
    third.wait("worker", worker=1)
    arbiter.boot(2)
    # Had the first been linked anew, this would not be what comes next.
    assert first.wait("worker")["worker"] == 2


def test_listeners_go_to_the_gateway_that_wants_them_again(arbiter: FakeArbiter) -> None:
    arbiter.bind(LOOPBACK)
    first, second = arbiter.start_gateway(0), arbiter.start_gateway(1)
    for gateway in (first, second):
        gateway.wait("listen")
    arbiter.say("listen-again", gateway=1)
    second.wait("listen")
    arbiter.boot(1)
    first.wait("worker")
    assert not [message for message in first._seen if message["cmd"] == "listen"]


def test_a_new_nursery_adopts_all(arbiter: FakeArbiter) -> None:
    arbiter.bind(LOOPBACK)
    ends = [arbiter.start_gateway(index) for index in (0, 1)]
    old = arbiter.boot(1)
    arbiter.kill_nursery()
    arbiter.start_nursery()
    arbiter.send_settings()
    arbiter.hand_over([(1, old)])
    for _ in ends:
        arbiter.keep("gateway-channel")
        arbiter.keep("parked")
    arbiter.wait("adopted")
    arbiter.boot(2)
    for end in ends:
        end.wait("worker", worker=2)


class Link:
    """Stands in for a GatewayLink."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.taken: list[tuple[str, int]] = []

    def hand_over(self, way: str, stream: int, _descriptor: int) -> None:
        self.taken.append((way, stream))


def test_a_taken_connection_goes_to_the_gateway_whose_it_is_and_ends_when_that_has_gone() -> None:
    gateways = Gateways(None, None, None, None, None)  # type: ignore[arg-type]
    links = {index: Link(70 + index) for index in (0, 1)}
    gateways._links = links  # type: ignore[assignment]
    for gateway in (71, 72):
        near, far = socket.socketpair()
        with near:
            gateways.hand_over("wsgi", gateway, 5, far.detach())
            # Nobody else holds it.
            assert near.recv(10) == b""
    assert [links[0].taken, links[1].taken] == [[], [("wsgi", 5)]]
