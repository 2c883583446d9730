"""What follows from a change of a channel; whole workers are in test_asgi_worker.py and test_green_worker.py."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tunicorn_worker.orders import WorkerEnds
from tunicorn_worker.pushed_worker import PushedWorker


class Channel:
    fault: str | None = None
    lost = False
    released = False


class Orders:
    nursery_gone = False


class Worker(PushedWorker):
    def __init__(self) -> None:
        self._number = 7
        self._log = logging.getLogger("test.pushed")
        self._orders: Any = Orders()
        self._channels = {0: Channel()}
        self.told: list[str] = []

    def _leave(self, end: WorkerEnds) -> None:
        self.told.append(f"leave {end.at_once}")

    def _wake(self) -> None:
        self.told.append("wake")

    def change(self, channel: Channel | None = None, **attributes: Any) -> list[str]:
        channel = channel or self._channels[0]
        for name, value in attributes.items():
            setattr(channel, name, value)
        self._on_channel_change(channel)
        return self.told


def test_a_lost_channel_is_no_end_while_the_nursery_is_there(caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker()
    assert worker.change(lost=True, fault="a frame of 7 bytes") == ["wake"]
    assert "worker channel closed worker=7: a frame of 7 bytes" in caplog.text


def test_a_lost_channel_is_the_end_when_the_nursery_has_gone() -> None:
    worker = Worker()
    worker._orders.nursery_gone = True
    assert worker.change(lost=True) == ["leave False", "wake"]


def test_a_released_channel_is_the_end() -> None:
    assert Worker().change(released=True) == ["leave False", "wake"]


def test_a_channel_of_before_means_nothing() -> None:
    assert Worker().change(Channel(), lost=True) == []


def test_while_another_gateway_is_there_a_lost_channel_is_no_end() -> None:
    worker = Worker()
    worker._orders.nursery_gone = True
    worker._channels[1] = Channel()
    assert worker.change(lost=True) == ["wake"]
    assert list(worker._channels) == [1]
    assert worker.change(worker._channels[1], lost=True) == ["wake", "leave False", "wake"]
