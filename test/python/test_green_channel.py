"""The channel of greenlets, with threads in their place: what waits, what is noted, what a broken gateway does."""

from __future__ import annotations

import marshal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fake_gateway import PATIENCE_SECONDS, FakeGateway, keep_nothing
from tunicorn_worker import wire
from tunicorn_worker.errors import GatewayGone
from tunicorn_worker.green_channel import GreenChannel, GreenStream


class Threads:
    """A library whose greenlets are threads: slower, and in the same order where order matters here."""

    def spawn(self, function: Callable[..., object], *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        thread.start()
        return thread

    def kill(self, greenlet: Any) -> None:
        raise NotImplementedError

    def pause(self) -> None:
        time.sleep(0.001)

    def make_news(self) -> threading.Semaphore:
        return threading.Semaphore(0)

    def begin(self) -> None:
        """There is nothing to begin."""

    def adopt(self, descriptor: int) -> Any:
        raise NotImplementedError

    def in_hub(self) -> bool:
        return False


class Channels:
    def __init__(self, gateway: FakeGateway) -> None:
        self.gateway = gateway
        self.changed = threading.Event()
        self.requests: list[tuple[GreenStream, dict[str, Any]]] = []
        self.begun = threading.Semaphore(0)
        self.over = threading.Event()
        self.entries = memoryview(bytearray(wire.ENTRY_COUNT * wire.ENTRY_BYTES)).cast("I")
        self.channel = GreenChannel(
            gateway.worker_end,
            Threads(),  # type: ignore[arg-type]
            self.entries,
            call=self.call,
            base={"base": True},
            hand_over=keep_nothing,
            on_change=lambda _: self.changed.set(),
        )

    def call(self, request: GreenStream, environ: dict[str, Any]) -> None:
        self.requests.append((request, environ))
        self.begun.release()
        assert self.over.wait(PATIENCE_SECONDS)

    def push(self, stream: int) -> None:
        head = marshal.dumps({"PATH_INFO": "/"}, 0)
        size = wire.FRAME_HEADER_BYTES + len(head)
        self.gateway.end.sendall(wire.pack_header(size, stream, wire.REQUEST, 0, 0, len(head)) + head)
        assert self.begun.acquire(timeout=PATIENCE_SECONDS)


@pytest.fixture
def channels(gateway: FakeGateway) -> Iterator[Channels]:
    channels = Channels(gateway)
    yield channels
    channels.over.set()


def test_a_request_is_noted_and_forgotten(channels: Channels) -> None:
    channels.push(5)
    ((request, environ),) = channels.requests
    assert environ == {"PATH_INFO": "/", "base": True}
    assert (channels.entries[5], channels.channel.streams) == (5, {5: request})
    channels.over.set()
    assert channels.changed.wait(PATIENCE_SECONDS)
    assert (request.stream, channels.channel.streams) == (0, {})


def test_without_a_gateway_nothing_can_be_sent(channels: Channels) -> None:
    channels.push(5)
    request = channels.requests[0][0]
    channels.gateway.end.close()
    assert channels.changed.wait(PATIENCE_SECONDS)
    assert (channels.channel.lost, request.lost, channels.channel.flushed) == (True, True, True)
    for send in (channels.channel.send, request.send):
        with pytest.raises(GatewayGone):
            send(b"frame")


def test_a_frame_of_an_unknown_type_is_a_fault(channels: Channels) -> None:
    channels.gateway.send(99)
    assert channels.changed.wait(PATIENCE_SECONDS)
    assert channels.channel.fault == "the gateway sent a frame of the unknown type 99"


def test_stop_releases(channels: Channels) -> None:
    channels.gateway.send(wire.STOP)
    assert channels.changed.wait(PATIENCE_SECONDS)
    assert channels.channel.released
