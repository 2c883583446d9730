from __future__ import annotations

import os
import select
from collections.abc import Callable

import pytest

from tunicorn_worker.waiter import EpollWaiter, PollWaiter, make_waiter

KINDS = [EpollWaiter, PollWaiter]


@pytest.mark.parametrize("make", KINDS)
def test_tells_what_can_be_read(make: Callable[[], EpollWaiter | PollWaiter]) -> None:
    waiter = make()
    plain, shared, removed = (os.pipe() for _ in range(3))
    waiter.add(plain[0])
    waiter.add(shared[0], shared=True)
    waiter.add(removed[0])
    for _, writer in (shared, removed):
        os.write(writer, b"x")
    waiter.remove(removed[0])
    assert [descriptor for descriptor, _ in waiter.wait()] == [shared[0]]
    os.write(plain[1], b"x")
    assert sorted(descriptor for descriptor, _ in waiter.wait()) == sorted([plain[0], shared[0]])
    os.read(shared[0], 1)
    os.close(plain[1])
    os.read(plain[0], 1)
    # The end of a pipe can be "read", too.
    assert [descriptor for descriptor, _ in waiter.wait()] == [plain[0]]
    for number in (plain[0], *shared, *removed):
        os.close(number)


def test_each_system_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(make_waiter()) is EpollWaiter
    monkeypatch.delattr(select, "EPOLLEXCLUSIVE")
    assert type(make_waiter()) is PollWaiter
