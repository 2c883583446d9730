"""One request's part of a channel, whatever carries its frames."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tunicorn_worker import wire
from tunicorn_worker.errors import ClientGone, GatewayGone
from tunicorn_worker.request_channel import RequestChannel

STREAM = 9


class NotedChannel(RequestChannel):
    """Frames out are noted; frames in come from a list, one for each wait."""

    __slots__ = ("coming", "sent")

    request_window = 100

    def __init__(self, coming: list[tuple[int, bytes]], hand_over: Any = None) -> None:
        super().__init__(hand_over)
        self.stream = STREAM
        self.coming = coming
        self.sent: list[bytes] = []

    def send(self, frame: bytes) -> None:
        self.sent.append(frame)

    def send_gathered(self, header: bytes, body: bytes | memoryview) -> None:
        self.sent.append(header + bytes(body))

    def _look(self) -> None:
        pass

    def _receive(self) -> None:
        assert self._act_on_request(*self.coming.pop(0))


def test_reads_a_body_by_windows() -> None:
    pieces = [(wire.REQUEST_BODY, b"x" * 60), (wire.REQUEST_BODY, b"y"), (wire.REQUEST_BODY_END, b"")]
    channel = NotedChannel(pieces)
    assert [channel.next_body_chunk(), channel.next_body_chunk(), channel.next_body_chunk()] == [b"x" * 60, b"y", b""]
    # Half of the first window was used up when more was asked for.
    assert channel.sent == [
        wire.pack_plain(wire.CREDIT, STREAM, wire.U32.pack(100)),
        wire.pack_plain(wire.CREDIT, STREAM, wire.U32.pack(60)),
    ]


def test_sends_a_body_as_credit_comes() -> None:
    channel = NotedChannel([(wire.RESPONSE_CREDIT, wire.U32.pack(4))])
    channel.spend_credit(wire.RESPONSE_WINDOW_BYTES - 2)
    channel.send_body(b"abcdef")
    assert [frame[wire.FRAME_HEADER_BYTES :] for frame in channel.sent] == [b"ab", b"cdef"]


def test_a_client_that_has_left() -> None:
    channel = NotedChannel([(wire.CANCEL, b"")])
    channel.spend_credit(wire.RESPONSE_WINDOW_BYTES)
    with pytest.raises(ClientGone):
        channel.send_body(b"x")
    assert channel.client_gone
    with pytest.raises(ClientGone):
        channel.check_client()
    with pytest.raises(ClientGone):
        channel.next_body_chunk()


@pytest.mark.parametrize(("kind", "taken"), [(wire.FILE_TAKEN, True), (wire.FILE_REFUSED, False)])
def test_offers_a_file(kind: int, taken: bool) -> None:
    channel = NotedChannel([(kind, b"")])
    assert channel.offer_file(1, 2, 3, 4, b"/f") is taken
    assert channel.sent == [wire.pack_file(STREAM, 1, 2, 3, 4, b"/f")]


def test_takes_the_connection_once() -> None:
    handed: list[tuple[int, socket.socket]] = []
    channel = NotedChannel([], lambda stream, end: handed.append((stream, end.dup())))
    connection = channel.take_connection()
    assert channel.take_connection() is connection
    ((stream, other),) = handed
    assert stream == STREAM
    connection.sendall(b"hello")
    channel.end_taken()
    with other:
        assert (other.recv(10), other.recv(10)) == (b"hello", b"")
    assert channel.sent == [wire.pack_plain(wire.TAKEN, STREAM)]


def test_without_a_gateway_nothing_is_taken() -> None:
    channel = NotedChannel([])
    channel.lost = True
    with pytest.raises(GatewayGone):
        channel.take_connection()
    channel.end_taken()
    assert channel.sent == []
