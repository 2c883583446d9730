"""The bookkeeping, with processes that are only numbers; test_nursery.py has it with real ones."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace
from typing import Any

import pytest

from fake_gateway import make_config
from tunicorn_worker.children import WorkerChild
from tunicorn_worker.descriptors import Holdings
from tunicorn_worker.family import Family
from tunicorn_worker.poller import Poller


class Forker:
    """Makes up pids, or has no room."""

    def __init__(self) -> None:
        self.pid: int | None = 1000

    def fork(self, _task: object, *, deaf: bool = False) -> int:
        if self.pid is None:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        self.pid += 1
        return self.pid


class World:
    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.forker = Forker()
        forker: Any = self.forker
        hooks: Any = SimpleNamespace(
            server=None, before_fork=lambda *_: None, born=lambda *_: None, ended=lambda *_: None
        )
        code: Any = SimpleNamespace(count_lanes=lambda _config: 1)
        self.taken: list[tuple[int, int, int, int]] = []
        self.family = Family(code, forker, Holdings(), Poller(), self.say, lambda _: None, hooks, self.take, 4)

    def say(self, event: str, descriptor: int | None = None, /, **fields: object) -> None:
        self.said.append({"ev": event, **fields})

    def take(self, worker: WorkerChild, gateway: int, stream: int, descriptor: int) -> None:
        self.taken.append((worker.number, gateway, stream, descriptor))

    def fork(self, number: int) -> None:
        self.family.fork_worker(number, make_config(), generation=0, preload=False, report_modules=False)


@pytest.mark.parametrize("what", ["worker", "check"])
def test_no_room_for_a_process_leaves_nothing_open(what: str) -> None:
    world = World()
    world.forker.pid = None
    before = os.listdir("/proc/self/fd")
    with pytest.raises(BlockingIOError):
        world.fork(1) if what == "worker" else world.family.check_application(make_config())
    assert os.listdir("/proc/self/fd") == before
    assert (len(world.family.workers), world.said) == (0, [])


def test_a_worker_is_buried_once() -> None:
    world = World()
    world.fork(7)
    assert world.family.has_sent(1001)
    assert world.family.on_ended(1001, signal.SIGKILL) is True
    assert world.family.on_ended(1001, signal.SIGKILL) is False
    assert not world.family.has_sent(1001)
    assert world.said == [
        {"ev": "forked", "worker": 7, "pid": 1001},
        {"ev": "exited", "worker": 7, "pid": 1001, "status": {"signal": "SIGKILL"}},
    ]


def test_kill_workers_kills_every_one(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.fork(1)
    world.fork(2)
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.append((pid, number)))
    world.family.kill_workers()
    assert killed == [(1001, signal.SIGKILL), (1002, signal.SIGKILL)]


def test_a_connection_that_an_application_took_is_passed_on() -> None:
    world = World()
    world.fork(7)
    descriptors = [11, 12]
    channel: Any = SimpleNamespace(take_descriptor=lambda: descriptors.pop(0) if descriptors else None)
    worker: Any = SimpleNamespace(channel=channel, number=7)
    for stream in (5, 6, 7):
        world.family._on_worker_message(worker, {"ev": "taken", "gateway": 77, "stream": stream})
    # The last one came without its descriptor.
    assert world.taken == [(7, 77, 5, 11), (7, 77, 6, 12)]
