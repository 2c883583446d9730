"""The loop alone, its waiter played by the test; whole workers are in test_sync_worker.py."""

from __future__ import annotations

import logging
import marshal
import os
from typing import Any

import pytest

from fake_gateway import FakeGateway, keep_nothing, make_environ
from tunicorn_worker import wire
from tunicorn_worker.body import ChannelBody, InlineBody
from tunicorn_worker.channel import Channel
from tunicorn_worker.pull_loop import fetch_head, pull_requests, serve_idle
from tunicorn_worker.tickets import Tickets

LOG = logging.getLogger("gunicorn.error")
OTHER = -1
"""A descriptor that is not the pipe."""


class Loop:
    """`turns`: for every wait, the descriptors that can be read."""

    def __init__(self, gateway: FakeGateway) -> None:
        self.channel = Channel(gateway.worker_end, keep_nothing)
        self.tickets = Tickets.open(os.dup(gateway.pipe_read), os.dup(gateway.memory), 1)
        self.environs: list[dict[str, Any]] = []
        self.looks: list[list[int]] = []
        self.goes_on = True
        self.lost_by_call = False

    def run(self, *turns: list[int]) -> None:
        left = list(turns)

        def wait() -> list[tuple[int, int]]:
            if not left:
                self.channel.stopping = True
                return [(OTHER, 1)]
            return [(descriptor, 1) for descriptor in left.pop(0)]

        pull_requests(self.channel, self.tickets, wait, self._look, self._call, {"base": 1})

    @property
    def pipe(self) -> int:
        return self.tickets.fileno()

    def _look(self, events: list[tuple[int, int]]) -> bool:
        self.looks.append([descriptor for descriptor, _ in events])
        return self.goes_on

    def _call(self, channel: Channel, environ: dict[str, Any]) -> None:
        self.environs.append(environ)
        channel.lost = self.lost_by_call


@pytest.fixture
def loop(gateway: FakeGateway) -> Loop:
    return Loop(gateway)


def test_calls_with_the_base_and_the_body(loop: Loop, gateway: FakeGateway) -> None:
    gateway.request(1, make_environ(target="/none"), slot=0)
    gateway.request(2, make_environ(target="/inline"), body=b"body", slot=1)
    gateway.request(3, make_environ(target="/channel"), body=None, slot=2)
    loop.run([loop.pipe], [loop.pipe], [loop.pipe])
    assert [environ["PATH_INFO"] for environ in loop.environs] == ["/none", "/inline", "/channel"]
    assert all(environ["base"] == 1 for environ in loop.environs)
    bodies = [environ.get("wsgi.input") for environ in loop.environs]
    assert bodies[0] is None
    assert isinstance(bodies[1], InlineBody)
    assert isinstance(bodies[2], ChannelBody)
    assert loop.looks == [[OTHER]]


def test_looks_first_when_there_is_more_than_a_ticket(loop: Loop, gateway: FakeGateway) -> None:
    gateway.request(1, make_environ())
    loop.run([OTHER, loop.pipe], [OTHER])
    assert (len(loop.environs), loop.looks) == (1, [[OTHER, loop.pipe], [OTHER], [OTHER]])


def test_takes_no_ticket_when_the_look_says_no(loop: Loop, gateway: FakeGateway) -> None:
    gateway.request(1, make_environ())
    loop.goes_on = False
    loop.run([OTHER, loop.pipe])
    assert loop.environs == []
    assert gateway.slot_words(0)[1] == 0


def test_a_wake_up_for_nothing(loop: Loop) -> None:
    loop.run([loop.pipe])
    assert (loop.environs, loop.channel.lost) == ([], False)


def test_ends_with_the_gateway(loop: Loop, gateway: FakeGateway) -> None:
    gateway.request(1, make_environ(), slot=0)
    gateway.request(2, make_environ(), slot=1)
    loop.lost_by_call = True
    loop.run([loop.pipe], [loop.pipe])
    assert len(loop.environs) == 1


def test_fetch_head(loop: Loop, gateway: FakeGateway) -> None:
    head = marshal.dumps({"a": 1}, 0)
    loop.channel.begin(5)
    gateway.send(wire.REQUEST_HEAD, 5, head)
    assert fetch_head(loop.channel) == head
    loop.channel.begin(6)
    gateway.send(wire.CANCEL, 6)
    assert fetch_head(loop.channel) is None
    gateway.end.close()
    loop.channel.begin(7)
    assert fetch_head(loop.channel) is None


def test_serve_idle(loop: Loop, gateway: FakeGateway, caplog: pytest.LogCaptureFixture) -> None:
    gateway.send(wire.PING)
    assert serve_idle(loop.channel, 1, LOG)
    gateway.send(99)
    assert not serve_idle(loop.channel, 1, LOG)
    assert [record.getMessage() for record in caplog.records] == [
        "worker channel closed worker=1: the gateway sent a frame of the unknown type 99"
    ]
