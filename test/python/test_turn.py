"""Whose turn it is, with the threads' steps made one by one."""

from __future__ import annotations

from tunicorn_worker.turn import IDLE_LOOKS_MAX, LOOK_SECONDS, SHORT_IN_A_ROW, SHORT_SECONDS, Turn


class World:
    def __init__(self) -> None:
        self.woken = 0
        self.taken_away: list[str] = []
        self.turn = Turn(self.wake)

    def wake(self) -> None:
        self.woken += 1

    def begin(self, name: str = "request") -> None:
        self.turn.keep(lambda: self.taken_away.append(name))

    def is_free(self) -> bool:
        free = self.turn._lock.acquire(blocking=False)
        if free:
            self.turn.pass_on()
        return free


def test_short_requests_keep_the_turn_and_wake_the_main_thread_once() -> None:
    world = World()
    assert world.turn.look() is None
    world.turn.take()
    for _ in range(100):
        world.begin()
        assert world.turn.still_kept()
        assert world.turn.look() == LOOK_SECONDS
    assert (world.woken, world.taken_away, world.turn.kept) == (1, [], True)
    assert not world.is_free()


def test_a_long_request_loses_the_turn_at_the_second_look() -> None:
    world = World()
    world.turn.take()
    world.begin("long")
    assert world.turn.look() == LOOK_SECONDS
    assert not world.is_free()
    world.turn.look()
    assert world.taken_away == ["long"]
    assert world.is_free()
    assert not world.turn.kept
    assert not world.turn.still_kept()


def test_a_request_that_is_over_at_the_second_look_keeps_it() -> None:
    world = World()
    world.turn.take()
    world.begin()
    world.turn.look()
    assert world.turn.still_kept()
    world.turn.look()
    assert world.taken_away == []


def test_the_main_thread_sleeps_when_nothing_comes_and_is_woken_for_the_next() -> None:
    world = World()
    world.turn.take()
    world.begin()
    world.turn.still_kept()
    looks = 0
    while world.turn.look() is not None:
        looks += 1
    assert looks == IDLE_LOOKS_MAX
    assert world.turn.look() is None
    world.begin()
    assert world.woken == 2
    assert world.turn.look() == LOOK_SECONDS


def test_many_short_requests_in_a_row_make_it_kept_again() -> None:
    world = World()
    world.turn.kept = False
    for _ in range(SHORT_IN_A_ROW - 1):
        world.turn.note(SHORT_SECONDS / 2)
    world.turn.note(SHORT_SECONDS)
    for _ in range(SHORT_IN_A_ROW - 1):
        world.turn.note(0)
    assert not world.turn.kept
    world.turn.note(0)
    assert world.turn.kept
