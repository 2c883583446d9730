"""The response by itself; test_wsgi.py has what applications do with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fake_gateway import FakeGateway, Frame, keep_nothing
from tunicorn_worker import wire
from tunicorn_worker.channel import Channel
from tunicorn_worker.errors import InvalidResponseHeader, InvalidResponseHeaderName
from tunicorn_worker.field_lines import FieldLines
from tunicorn_worker.file_wrapper import FileRegion
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


def frames_with_trailers(
    gateway: FakeGateway, channel: Channel, fields: list[tuple[str, str]], *, method: str = "GET", late: bool = False
) -> list[Frame]:
    """What leaves for the body ``ab`` in two parts, and trailers, with `late` behind the first part."""
    response = Response(channel, FieldLines(), method)
    trailers: list[tuple[str, str]] = [("X-Sum", "1"), ("x-more", "2")]
    write = response.start_response("200 OK", fields)
    if late:
        write(b"a")
    response.send_trailers([("x-old", "0")])
    response.send_trailers(trailers)
    if late:
        write(b"b")
        response.end()
    else:
        response.send_list([b"a", b"b"])
    channel.close()
    return gateway.frames()


@pytest.mark.parametrize("fields", [[], [("Content-Length", "2")]])
@pytest.mark.parametrize("late", [False, True])
def test_trailers_stand_in_the_last_frame(
    gateway: FakeGateway, channel: Channel, fields: list[tuple[str, str]], late: bool
) -> None:
    frames = frames_with_trailers(gateway, channel, fields, late=late)
    assert [frame.kind for frame in frames] == [wire.HEAD, wire.BODY, wire.END][:: 1 if late else 2]
    assert b"".join(frame.body for frame in frames) == b"ab"
    assert frames[-1].head == b"X-Sum: 1\r\nx-more: 2\r\n"


def test_a_response_without_a_body_has_no_trailers(gateway: FakeGateway, channel: Channel) -> None:
    frames = frames_with_trailers(gateway, channel, [], method="HEAD")
    assert [frame.kind for frame in frames] == [wire.RESPONSE]


def test_trailers_of_an_empty_body(gateway: FakeGateway, channel: Channel) -> None:
    response = Response(channel, FieldLines(), "GET")
    response.start_response("200 OK", [])
    response.send_trailers([("x", "y")])
    response.end()
    channel.close()
    assert [(frame.kind, frame.head) for frame in gateway.frames()] == [(wire.HEAD, b""), (wire.END, b"x: y\r\n")]


def test_trailers_that_may_not_be_or_come_too_late(channel: Channel) -> None:
    response = Response(channel, FieldLines(), "GET")
    for name, value in ((":status", "1"), ("a b", "1"), ("", "1"), ("x", "a\r\nb")):
        with pytest.raises((InvalidResponseHeader, InvalidResponseHeaderName)):
            response.send_trailers([(name, value)])
    write = response.start_response("200 OK", [("Content-Length", "1")])
    write(b"a")
    with pytest.raises(RuntimeError, match="trailers came after the response had ended"):
        response.send_trailers([("x", "1")])


def test_a_file_that_trailers_follow_is_sent_by_the_worker(channel: Channel) -> None:
    response = Response(channel, FieldLines(), "GET")
    response.start_response("200 OK", [])
    response.send_trailers([("x", "y")])
    assert not response.send_file(FileRegion(1, 2, 0, 3, b"/f"))


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
