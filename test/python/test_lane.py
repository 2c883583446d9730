"""Signals between threads, and one lane's link; test_gthread_worker.py has lanes at work."""

from __future__ import annotations

import logging
import os
import select
import threading
from typing import Any

from fake_gateway import FakeGateway, keep_nothing, make_environ
from tunicorn_worker import wire
from tunicorn_worker.channel import Channel
from tunicorn_worker.lane import Lane, Signal
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

    def call(self, channel: Channel, _environ: dict[str, Any]) -> None:
        self.streams.append(channel.stream)
        channel.send(wire.pack_plain(wire.END, channel.stream))


def test_a_lane_serves_until_its_gateway_is_gone_and_ends_when_told(gateway: FakeGateway) -> None:
    stop, caller, changed = Signal(), Caller(), threading.Semaphore(0)
    any_caller: Any = caller
    lane = Lane(
        5,
        wire.lane_number(5, 3),
        caller=any_caller,
        base={},
        stop=stop,
        on_change=changed.release,
        log=logging.getLogger("gunicorn.error"),
    )
    lane.start()
    lane.link(
        Channel(gateway.worker_end, keep_nothing),
        Tickets.open(os.dup(gateway.pipe_read), os.dup(gateway.memory), 9),
        Turn(lambda: None),
    )
    ready = gateway.frame()
    assert ready is not None
    assert (ready.kind, ready.body) == (wire.READY, wire.U32.pack(wire.lane_number(5, 3)))
    assert lane.linked
    gateway.request(77, make_environ())
    end = gateway.frame()
    assert end is not None
    assert (end.kind, end.stream, caller.streams) == (wire.END, 77, [77])
    gateway.end.close()
    changed.acquire()
    assert (lane.linked, lane.ended) == (False, False)
    stop.say()
    lane.end()
    changed.acquire()
    assert (lane.linked, lane.ended, lane.crashed) == (False, True, False)
