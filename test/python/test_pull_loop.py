"""The loop alone, its waiter played by the test; whole workers are in test_sync_worker.py."""

from __future__ import annotations

import logging
import marshal
import os
from collections.abc import Callable
from typing import Any

import pytest

from fake_gateway import FakeGateway, keep_nothing, make_environ
from tunicorn_worker import wire
from tunicorn_worker.body import ChannelBody, InlineBody
from tunicorn_worker.channel import Channel
from tunicorn_worker.links import Link, Links
from tunicorn_worker.pull_loop import fetch_head, pull_requests
from tunicorn_worker.tickets import Tickets

LOG = logging.getLogger("gunicorn.error")
OTHER = -1
"""A descriptor that is not the pipe."""


class Waiter:
    """`turns`: for every wait, the descriptors that can be read. When there are none left, `at_end` is called."""

    def __init__(self) -> None:
        self.turns: list[list[int]] = []
        self.at_end: Callable[[], None] = lambda: None

    def add(self, _descriptor: int, *, shared: bool = False) -> None: ...

    def remove(self, _descriptor: int) -> None: ...

    def wait(self) -> list[tuple[int, int]]:
        if not self.turns:
            self.at_end()
            return [(OTHER, 1)]
        return [(descriptor, 1) for descriptor in self.turns.pop(0)]

    def wait_seconds(self, _seconds: float | None) -> list[tuple[int, int]]:
        """Nobody is ever found awake: the order in which things became ready is kept."""
        return []


class Loop:
    def __init__(self, gateways: list[FakeGateway]) -> None:
        self.waiter = Waiter()
        any_waiter: Any = self.waiter
        self.links = Links(any_waiter, 1, LOG, reading=True)
        self.waiter.at_end = self.links.stop
        self.all: list[Link] = []
        for index, gateway in enumerate(gateways):
            tickets = Tickets.open(os.dup(gateway.pipe_read), os.dup(gateway.memory), 1)
            self.all.append(Link(Channel(gateway.worker_end, keep_nothing), tickets))
            self.links.add(index, self.all[-1])
        self.channel = self.all[0].channel
        self.environs: list[dict[str, Any]] = []
        self.channels: list[Channel] = []
        self.looks: list[list[int]] = []
        self.goes_on = True
        self.lost_by_call = False

    def run(self, *turns: list[int]) -> None:
        self.waiter.turns = list(turns)
        pull_requests(self.links, self._look, self._call, {"base": 1})

    @property
    def pipe(self) -> int:
        return self.pipes[0]

    @property
    def pipes(self) -> list[int]:
        return [link.tickets.fileno() for link in self.all]

    def _look(self, events: list[tuple[int, int]]) -> bool:
        self.looks.append([descriptor for descriptor, _ in events])
        return self.goes_on

    def _call(self, channel: Channel, environ: dict[str, Any]) -> None:
        self.environs.append(environ)
        self.channels.append(channel)
        channel.lost = self.lost_by_call


@pytest.fixture
def loop(gateway: FakeGateway) -> Loop:
    return Loop([gateway])


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


def test_answers_on_the_channel_of_the_gateway_whose_request_it_is(gateways: list[FakeGateway]) -> None:
    loop = Loop(gateways)
    for index, stream in ((0, 1), (1, 2), (1, 3), (0, 4)):
        gateways[index].request(stream, make_environ(target=f"/{stream}"), slot=stream)
    first, second = loop.pipes
    loop.run([second, first], [first], [second], [first, second])
    assert [environ["PATH_INFO"] for environ in loop.environs] == ["/2", "/1", "/3", "/4"]
    one, other = (link.channel for link in loop.all)
    assert loop.channels == [other, one, other, one]
    assert loop.looks == [[OTHER]], "pipes alone are no reason to look"


def test_looks_when_something_else_is_ready_beside_the_pipes(gateways: list[FakeGateway]) -> None:
    loop = Loop(gateways)
    gateways[1].request(2, make_environ())
    first, second = loop.pipes
    loop.run([OTHER, second, first])
    assert (len(loop.environs), loop.looks) == (1, [[OTHER, second, first], [OTHER]])


def test_a_stop_of_either_gateway_is_the_end(gateways: list[FakeGateway]) -> None:
    loop = Loop(gateways)
    gateways[0].request(1, make_environ())
    gateways[1].request(2, make_environ())
    loop.all[1].channel.stopping = True
    first, second = loop.pipes
    loop.run([first], [second], [first])
    assert len(loop.environs) == 2, "the one that was read before its channel was looked at, and none after"
