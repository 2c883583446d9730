from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest

from tunicorn_worker.children import WorkerChild
from tunicorn_worker.descriptors import Descriptor
from tunicorn_worker.heartbeat import make_heartbeat_file
from tunicorn_worker.heartbeats import FIRST_BEAT_S, LOOK_EVERY_MS, Heartbeats
from tunicorn_worker.line_channel import LineChannel


class Nursery:
    """A family of one worker, and what was said of it."""

    def __init__(self, *, direct: bool = True) -> None:
        near, self._far = socket.socketpair()
        heartbeat = Descriptor(make_heartbeat_file()) if direct else None
        self.worker = WorkerChild(1, 0, 1, LineChannel(near), molded=False, heartbeat=heartbeat)
        self.said: list[Any] = []
        family: Any = SimpleNamespace(workers=[self.worker], note_ready=self.note_ready)
        self.heartbeats = Heartbeats(family, self.say)

    def note_ready(self, worker: WorkerChild, modules: list[str]) -> None:
        if not worker.ready:
            worker.ready = True
            self.say("ready", worker=worker.number, modules=modules)

    def say(self, event: str, descriptor: int | None = None, /, **fields: object) -> None:
        self.said.append((event, fields))

    def beat(self, seconds_ago: float) -> None:
        assert self.worker.heartbeat is not None
        moment = monotonic() - seconds_ago
        os.utime(self.worker.heartbeat.fileno(), (moment, moment))

    def close(self) -> None:
        self.worker.channel.close()
        self._far.close()
        if self.worker.heartbeat is not None:
            self.worker.heartbeat.close()


@pytest.fixture(name="nursery")
def _nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


def test_silence_is_reported_once_and_again_after_a_beat(nursery: Nursery) -> None:
    nursery.heartbeats.timeout_s = 5
    nursery.worker.ready = True
    nursery.heartbeats.look()
    assert nursery.said == [], "the clock begins with the first beat"
    nursery.beat(4)
    nursery.heartbeats.look()
    assert nursery.said == []
    nursery.beat(6)
    nursery.heartbeats.look()
    nursery.heartbeats.look()
    assert [event for event, _ in nursery.said] == ["overdue"]
    assert nursery.said[0][1]["worker"] == 1
    assert nursery.said[0][1]["silentMs"] >= 6000
    nursery.beat(0)
    nursery.heartbeats.look()
    nursery.beat(6)
    nursery.heartbeats.look()
    assert len(nursery.said) == 2


def test_one_that_boots_is_not_judged_and_zero_turns_the_check_off(nursery: Nursery) -> None:
    nursery.heartbeats.timeout_s = 5
    nursery.beat(100)
    nursery.heartbeats.look()
    nursery.worker.ready = True
    nursery.heartbeats.timeout_s = 0
    nursery.heartbeats.look()
    assert nursery.said == []


def test_a_class_that_does_not_beat_is_ready_after_a_while(nursery: Nursery) -> None:
    nursery.worker.modules = ["json"]
    nursery.worker.running_since = monotonic()
    nursery.heartbeats.look()
    assert nursery.said == []
    nursery.worker.running_since -= FIRST_BEAT_S
    nursery.heartbeats.look()
    assert nursery.said == [("ready", {"worker": 1, "modules": ["json"]})]


def test_fed_workers_have_none(nursery: Nursery) -> None:
    assert nursery.heartbeats.look_every_ms == LOOK_EVERY_MS
    fed = Nursery(direct=False)
    assert fed.heartbeats.look_every_ms is None
    fed.heartbeats.look()
    assert fed.said == []
    fed.close()
