"""The response by itself; test_wsgi.py has what applications do with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fake_gateway import FakeGateway, Frame, keep_nothing
from tunicorn_worker import wire
from tunicorn_worker.channel import Channel
from tunicorn_worker.field_lines import FieldLines
from tunicorn_worker.start_response import ENDED, OPEN, STREAMING, Response, abandon

STREAM = 3


@pytest.fixture(name="gateway")
def _gateway() -> Iterator[FakeGateway]:
    gateway = FakeGateway()
    yield gateway
    gateway.close()


@pytest.fixture(name="channel")
def _channel(gateway: FakeGateway) -> Channel:
    channel = Channel(gateway.worker_end, keep_nothing)
    channel.begin(STREAM)
    return channel


def test_states(gateway: FakeGateway, channel: Channel) -> None:
    response = Response(channel, FieldLines(), "GET")
    write = response.start_response("200 OK", [("X", "1")])
    assert response.state == OPEN
    write(b"a")
    assert response.state == STREAMING
    response.end()
    assert response.state == ENDED
    response.end()
    response.abort()
    channel.close()
    assert [frame.kind for frame in gateway.frames()] == [wire.HEAD, wire.END]


def test_write_before_start_response(channel: Channel) -> None:
    with pytest.raises(AssertionError, match="before start_response"):
        Response(channel, FieldLines(), "GET").write(b"x")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_replace_sends_a_body_only_where_one_may_be(gateway: FakeGateway, channel: Channel, method: str) -> None:
    Response(channel, FieldLines(), method).replace(b"500 Oh", b"A: b\r\n", b"page")
    flags = wire.HAS_CONTENT_LENGTH | wire.WANTS_CLOSE
    body = b"" if method == "HEAD" else b"page"
    assert gateway.frame() == Frame(wire.RESPONSE, STREAM, flags, b"500 Oh", b"A: b\r\n", 4, body)


def test_client_gone_is_known_once_it_was_read(gateway: FakeGateway, channel: Channel) -> None:
    response = Response(channel, FieldLines(), "GET")
    assert not response.client_gone
    gateway.send(wire.CANCEL, STREAM)
    channel.serve_idle()
    assert response.client_gone
    channel.begin(STREAM + 1)
    assert not response.client_gone


def test_abandon(gateway: FakeGateway, channel: Channel) -> None:
    abandon(channel)
    assert gateway.frame() == Frame(wire.ABORT, STREAM)
    gateway.end.close()
    abandon(channel)
    assert channel.lost
