from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from tunicorn_worker.children import Orphans
from tunicorn_worker.descriptors import Holdings
from tunicorn_worker.poller import Poller


@pytest.fixture(name="fork_sleeper")
def _fork_sleeper() -> Iterator[Callable[[], int]]:
    pids: list[int] = []

    def fork() -> int:
        pid = os.fork()
        if pid == 0:
            while True:
                signal.pause()
        pids.append(pid)
        return pid

    yield fork
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


@pytest.mark.parametrize("has_pidfd", [True, False])
def test_orphans_are_watched_and_signalled(
    fork_sleeper: Callable[[], int], monkeypatch: pytest.MonkeyPatch, has_pidfd: bool
) -> None:
    if not has_pidfd:
        monkeypatch.delattr(os, "pidfd_open")
    ended: list[tuple[int, int]] = []
    poller, holdings = Poller(), Holdings()
    orphans = Orphans(poller, holdings, lambda number, pid: ended.append((number, pid)))
    first, second = fork_sleeper(), fork_sleeper()
    orphans.watch(1, first)
    orphans.watch(2, second)
    assert (orphans.look_every_ms is None) is has_pidfd
    orphans.signal(1, signal.SIGKILL)
    orphans.signal(3, signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(first, 0)[1]) == signal.SIGKILL
    poller.wait(0)
    orphans.look()
    assert ended == [(1, first)]
    orphans.signal(1, signal.SIGKILL)
    os.kill(second, signal.SIGKILL)
    os.waitpid(second, 0)
    poller.wait(0)
    orphans.look()
    assert ended == [(1, first), (2, second)]
    assert orphans.look_every_ms is None


def test_an_orphan_that_is_gone_already() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    ended: list[tuple[int, int]] = []
    Orphans(Poller(), Holdings(), lambda number, pid: ended.append((number, pid))).watch(7, pid)
    assert ended == [(7, pid)]


def test_all_orphans_are_killed(fork_sleeper: Callable[[], int]) -> None:
    ended: list[tuple[int, int]] = []
    poller = Poller()
    orphans = Orphans(poller, Holdings(), lambda number, pid: ended.append((number, pid)))
    pids = [fork_sleeper(), fork_sleeper()]
    for number, pid in enumerate(pids):
        orphans.watch(number, pid)
    orphans.kill_all()
    assert [os.WTERMSIG(os.waitpid(pid, 0)[1]) for pid in pids] == [signal.SIGKILL] * 2
    assert len(orphans) == 2
    poller.wait(None)
    assert (sorted(ended), len(orphans)) == (list(enumerate(pids)), 0)
