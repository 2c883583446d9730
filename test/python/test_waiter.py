from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import Any

import pytest

from tunicorn_worker.waiter import EpollWaiter, PollWaiter, make_waiter, wait_fairly

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


@pytest.mark.parametrize("make", KINDS)
def test_pipes_that_are_never_empty_take_turns(make: Callable[[], EpollWaiter | PollWaiter]) -> None:
    waiter = make()
    pipes = [os.pipe() for _ in range(3)]
    other = os.pipe()
    for reader, writer in pipes:
        waiter.add(reader, shared=True)
        os.write(writer, b"x")
    readers = [reader for reader, _ in pipes]
    wait = wait_fairly(waiter, set(readers))
    firsts = [wait()[0][0] for _ in range(9)]
    assert sorted(firsts[:3]) == sorted(readers)
    assert firsts == 3 * firsts[:3]
    waiter.add(other[0])
    os.write(other[1], b"x")
    assert sorted(descriptor for descriptor, _ in wait()) == sorted([*readers, other[0]])
    for reader, writer in (*pipes, other):
        os.close(reader)
        os.close(writer)


class Sleeper:
    """Nothing is there at once; after a sleep, what the test says."""

    def __init__(self, *turns: list[int]) -> None:
        self.turns = list(turns)

    def wait_seconds(self, seconds: float | None) -> list[tuple[int, int]]:
        assert seconds == 0
        return []

    def wait(self) -> list[tuple[int, int]]:
        return [(descriptor, 1) for descriptor in self.turns.pop(0)]


def test_who_has_slept_reads_the_pipe_that_has_woken_it_again_and_again() -> None:
    sleeper: Any = Sleeper([7, 8], [7, 8], [8, 7], [7])
    wait = wait_fairly(sleeper, {7, 8})
    assert [wait()[0][0] for _ in range(4)] == [7, 7, 8, 7]


def test_epoll_tells_in_the_order_in_which_things_became_ready() -> None:
    # What the one above rests on.
    pipes = [os.pipe() for _ in range(8)]
    for order in (pipes, pipes[::-1], [*pipes[3:], *pipes[:3]]):
        waiter = EpollWaiter()
        for reader, _ in pipes:
            waiter.add(reader, shared=True)
        for _, writer in order:
            os.write(writer, b"x")
        assert [descriptor for descriptor, _ in waiter.wait()] == [reader for reader, _ in order]
        for reader, _ in pipes:
            os.read(reader, 1)
        waiter.close()
    for reader, writer in pipes:
        os.close(reader)
        os.close(writer)
