"""Signals between threads, and one lane's link; test_gthread_worker.py has lanes at work."""

from __future__ import annotations

import logging
import os
import select
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fake_gateway import FakeGateway, keep_nothing, make_environ
from tunicorn_worker import wire
from tunicorn_worker.channel import Channel
from tunicorn_worker.lane import Bell, Lane, Signal
from tunicorn_worker.links import Link
from tunicorn_worker.tickets import Tickets
from tunicorn_worker.turn import Turn


def is_readable(signal: Signal) -> bool:
    return bool(select.select([signal], [], [], 0)[0])


def test_a_signal_stays_said_for_everybody_who_looks() -> None:
    signal = Signal()
    assert not signal.said
    assert not is_readable(signal)
    for _ in range(2):
        signal.say()
        assert signal.said
        assert is_readable(signal)


class Caller:
    """Answers nothing, and says which request it got."""

    def __init__(self) -> None:
        self.streams: list[int] = []
        self.meanwhile: Callable[[], Any] = lambda: None

    def call(self, channel: Channel, _environ: dict[str, Any]) -> None:
        self.streams.append(channel.stream)
        self.meanwhile()
        self.meanwhile = lambda: None
        channel.send(wire.pack_plain(wire.END, channel.stream))


class Served:
    """A lane and what it shares with others."""

    def __init__(self) -> None:
        self.stop, self.caller, self.changed = Signal(), Caller(), threading.Semaphore(0)
        self.turn = Turn(lambda: None)
        any_caller: Any = self.caller
        self.lane = Lane(
            5,
            wire.lane_number(5, 3),
            caller=any_caller,
            base={},
            stop=self.stop,
            bell=Bell(),
            turn=self.turn,
            on_change=self.changed.release,
            log=logging.getLogger("gunicorn.error"),
        )
        self.lane.start()

    def link(self, index: int, gateway: FakeGateway) -> Channel:
        channel = Channel(gateway.worker_end, keep_nothing)
        self.lane.link(index, Link(channel, Tickets.open(os.dup(gateway.pipe_read), os.dup(gateway.memory), 9)))
        return channel

    def end(self) -> None:
        self.stop.say()
        while not self.lane.ended:
            self.changed.acquire()
        assert not self.lane.crashed


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    yield served
    served.stop.say()


def answered(gateway: FakeGateway) -> int:
    end = gateway.frame()
    assert end is not None
    assert end.kind == wire.END
    return end.stream


def test_a_lane_serves_every_gateway_until_that_is_gone_and_ends_when_told(
    served: Served, gateways: list[FakeGateway]
) -> None:
    first, second = gateways
    channel = served.link(0, first)
    served.link(1, second)
    for stream, gateway in ((77, first), (78, second), (79, first)):
        gateway.request(stream, make_environ())
        assert answered(gateway) == stream
    assert served.caller.streams == [77, 78, 79]
    first.end.close()
    while not channel.lost:
        served.changed.acquire()
    second.request(80, make_environ())
    assert answered(second) == 80
    served.end()
    assert [frame.kind for frame in second.frames()] == [wire.LEAVING]


def test_a_link_that_comes_while_another_lane_has_the_turn_is_used_with_the_next(
    served: Served, gateways: list[FakeGateway]
) -> None:
    first, second = gateways
    served.link(0, first)
    first.request(1, make_environ())
    assert answered(first) == 1
    # The lane keeps its turn through short requests: it is taken away as by the main thread.
    served.caller.meanwhile = lambda: (served.turn.look(), served.turn.look(), served.link(1, second))
    first.request(2, make_environ())
    assert answered(first) == 2
    second.request(3, make_environ())
    assert answered(second) == 3
    served.end()


def test_tickets_of_a_link_that_was_replaced_do_not_run(served: Served, gateways: list[FakeGateway]) -> None:
    first, second = gateways
    channel = served.link(0, first)
    channel.hang_up()
    served.link(0, second)
    first.request(1, make_environ())
    second.request(2, make_environ())
    assert answered(second) == 2
    assert served.caller.streams == [2]
    served.end()
