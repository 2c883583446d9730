from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

from fake_gateway import make_config
from tunicorn_worker import memory_watch
from tunicorn_worker.memory_watch import LOOK_EVERY_MS, MIB, MemoryWatch, resident_bytes


class Watched:
    """Workers 1 and 2, whose pids are 101 and 102, the sizes that they have, and what was said of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, soft: int = 0, hard: int = 0) -> None:
        self.sizes: dict[int, int | None] = {os.getpid(): MIB, 101: MIB, 102: MIB}
        self.said: list[tuple[str, dict[str, object]]] = []
        self.now = 0.0
        self.workers = [SimpleNamespace(number=number, pid=100 + number, ready=True) for number in (1, 2)]
        family: Any = SimpleNamespace(workers=self.workers)
        monkeypatch.setattr(memory_watch, "resident_bytes", lambda pid: self.sizes.get(pid))
        monkeypatch.setattr(memory_watch, "monotonic", lambda: self.now)
        self.watch = MemoryWatch(family, self.say)
        self.config = make_config(max_worker_memory=soft, max_worker_memory_hard=hard)

    def say(self, event: str, descriptor: int | None = None, /, **fields: object) -> None:
        self.said.append((event, fields))

    def look(self) -> list[tuple[str, dict[str, object]]]:
        self.said.clear()
        self.now += LOOK_EVERY_MS / 1000
        self.watch.look()
        return list(self.said)


def memory(worker: int, mib: int, limit: int, *, hard: bool) -> tuple[str, dict[str, object]]:
    return ("memory", {"worker": worker, "bytes": mib * MIB, "limitBytes": limit * MIB, "hard": hard})


def test_each_limit_is_told_once_for_each_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, soft=100, hard=200)
    watched.watch.configure(watched.config)
    assert watched.watch.look_every_ms == LOOK_EVERY_MS
    assert watched.look() == []
    watched.sizes[101] = 100 * MIB
    assert watched.look() == []
    watched.sizes[101] = 101 * MIB
    assert watched.look() == [memory(1, 101, 100, hard=False)]
    assert watched.look() == []
    watched.sizes[101] = 300 * MIB
    assert watched.look() == [memory(1, 300, 200, hard=True)]
    assert watched.look() == []
    watched.sizes[102] = 500 * MIB
    assert watched.look() == [memory(2, 500, 200, hard=True)]


def test_a_worker_that_boots_has_the_hard_limit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, soft=100, hard=200)
    watched.watch.configure(watched.config)
    watched.workers[0].ready = False
    watched.sizes[101] = 150 * MIB
    assert watched.look() == []
    watched.sizes[101] = 250 * MIB
    assert watched.look() == [memory(1, 250, 200, hard=True)]


def test_workers_that_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, soft=100)
    watched.watch.configure(watched.config)
    watched.sizes[101] = None  # It has just ended.
    watched.workers[1].pid = None  # It is not forked yet.
    assert watched.look() == []


def test_it_is_looked_at_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, soft=100)
    watched.watch.configure(watched.config)
    assert watched.look() == []
    watched.sizes[101] = 101 * MIB
    watched.now += LOOK_EVERY_MS / 1000 - 0.01
    watched.watch.look()
    assert watched.said == []


def test_without_limits_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch)
    watched.watch.configure(watched.config)
    watched.sizes[101] = 10**15
    assert (watched.watch.look_every_ms, watched.look()) == (None, [])


def test_a_system_that_does_not_show_it_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, soft=100)
    watched.sizes[os.getpid()] = None
    watched.watch.configure(watched.config)
    text = "workers' memory is not limited: this system does not show it (no /proc/PID/statm)"
    assert watched.said == [("log", {"level": "warning", "text": text})]
    assert watched.watch.look_every_ms is None


def test_the_size_of_a_real_process() -> None:
    before = resident_bytes(os.getpid())
    assert before is not None
    ballast = bytearray(b"x") * (64 * MIB)
    after = resident_bytes(os.getpid())
    assert after is not None
    assert 60 * MIB < after - before < 70 * MIB, len(ballast)
    assert resident_bytes(2**22 + 1) is None
