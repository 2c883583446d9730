from __future__ import annotations

import os
import resource
from collections.abc import Callable
from typing import Any

import pytest

from tunicorn_worker import forking
from tunicorn_worker.descriptors import Descriptor, Holdings
from tunicorn_worker.forking import ForkedChild, Forker


class Signals:
    """Notes how it was released; GroupSignals itself would change this process."""

    released: bool | None = None

    def release_in_child(self, *, deaf: bool) -> None:
        self.released = deaf


def exit_code_of(forker: Forker, task: Callable[[], int], **options: bool) -> int:
    """Forks, runs the task in the child as whoever runs the nursery does, and waits for its end."""
    try:
        pid = forker.fork(task, **options)
    except ForkedChild as child:
        code = 99
        try:
            code = child.task()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_the_child_holds_nothing_and_the_parent_everything() -> None:
    holdings = Holdings()
    reader, writer = os.pipe()
    held = holdings.hold(Descriptor(reader))
    signals: Any = Signals()
    assert exit_code_of(Forker(holdings, signals, None), lambda: 2 * is_open(reader) + is_open(writer)) == 1
    assert (held.fileno(), is_open(reader), signals.released) == (reader, True, None)
    holdings.close_all()
    os.close(writer)


@pytest.mark.parametrize("deaf", [False, True])
def test_signals_are_released_in_the_child(deaf: bool) -> None:
    signals: Any = Signals()
    assert exit_code_of(Forker(Holdings(), signals, None), lambda: int(signals.released is deaf), deaf=deaf) == 1


@pytest.mark.parametrize("beyond", [False, True])
def test_the_child_gets_back_the_users_limit(beyond: bool) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 10**12 if beyond and before[1] != resource.RLIM_INFINITY else 77
    expected = (before[1] if wanted > 77 else 77, before[1])
    signals: Any = Signals()
    forker = Forker(Holdings(), signals, wanted)
    assert exit_code_of(forker, lambda: int(resource.getrlimit(resource.RLIMIT_NOFILE) == expected)) == 1
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def test_no_room_for_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(forking, "fork", full)
    signals: Any = Signals()
    with pytest.raises(BlockingIOError):
        Forker(Holdings(), signals, None).fork(lambda: 0)
    assert signals.released is None
