from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tunicorn_worker.control_link import ControlLink
from tunicorn_worker.loggers import Loggers
from tunicorn_worker.orders import Orders, WorkerEnds
from tunicorn_worker.waiter import make_waiter


class World:
    def __init__(self) -> None:
        self.nursery, control = socket.socketpair()
        self.arbiter, self.lifeline = socket.socketpair()
        self.carried_out: list[str] = []
        self.reopened = 0
        self.waiter = make_waiter()
        loggers = Loggers()
        loggers.reopen = self._reopen  # type: ignore[method-assign]
        link = ControlLink(control)
        self.orders = Orders(3, link, self.lifeline.fileno(), loggers, self.waiter, self._carry_out)

    def _reopen(self) -> None:
        self.reopened += 1

    def _carry_out(self, message: dict[str, Any]) -> bool:
        self.carried_out.append(message["cmd"])
        return message["cmd"] != "dance"

    def say(self, command: str) -> None:
        self.nursery.sendall(json.dumps({"cmd": command}).encode() + b"\n")

    def look(self) -> None:
        self.orders.look({descriptor for descriptor, _ in self.waiter.wait_seconds(0)})

    def close(self) -> None:
        for end in (self.nursery, self.arbiter, self.lifeline):
            end.close()


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def test_carries_out(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gunicorn.error")
    for command in ("link", "reopen-logs", "stop", "dance"):
        world.say(command)
    world.look()
    assert (world.carried_out, world.reopened) == (["link", "stop", "dance"], 1)
    assert [record.getMessage() for record in caplog.records] == [
        "unknown command of the nursery worker=3 command='dance'"
    ]


def test_log_level(world: World) -> None:
    error_log = logging.getLogger("gunicorn.error")
    before = error_log.level
    try:
        for level, number in (("debug", logging.DEBUG), ("CRITICAL", logging.CRITICAL), ("loud", logging.INFO)):
            world.nursery.sendall(json.dumps({"cmd": "log-level", "level": level}).encode() + b"\n")
            world.look()
            assert error_log.level == number
    finally:
        error_log.setLevel(before)
    assert world.carried_out == []


def test_quit(world: World) -> None:
    world.say("quit")
    with pytest.raises(WorkerEnds) as raised:
        world.look()
    assert raised.value.at_once


def test_the_nursery_is_gone(world: World) -> None:
    world.look()
    assert not world.orders.nursery_gone
    world.nursery.close()
    world.look()
    assert world.orders.nursery_gone
    assert world.waiter.wait_seconds(0) == [], "its end is not watched for ever"


def test_the_arbiter_is_gone(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gunicorn.error")
    world.arbiter.close()
    with pytest.raises(WorkerEnds) as raised:
        world.look()
    assert not raised.value.at_once
    assert caplog.records[0].getMessage().startswith("Parent changed, shutting down: <Worker ")
    world.look()
