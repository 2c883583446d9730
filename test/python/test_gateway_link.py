from __future__ import annotations

import os
import socket

import pytest

from tunicorn_worker.gateway_link import GatewayLink, TicketLink
from tunicorn_worker.gateway_process import SLOT_MEMORY_BYTES


def test_parked_descriptors_can_be_taken_again_and_again() -> None:
    link = TicketLink.create()
    parking = link.park()
    for ticket in (b"t" * 16, b"u" * 16):
        copy = TicketLink.from_parking(os.dup(parking.fileno()))
        os.write(link.ticket_writer.fileno(), ticket)
        assert os.read(copy.ticket_reader.fileno(), 16) == ticket
        assert os.path.sameopenfile(copy.slots.fileno(), link.slots.fileno())
        assert not os.get_inheritable(copy.slots.fileno())
        copy.close()
    parking.close()
    link.close()


def test_link_does_not_block_and_has_room() -> None:
    link = TicketLink.create()
    assert os.fstat(link.slots.fileno()).st_size == SLOT_MEMORY_BYTES
    with pytest.raises(BlockingIOError):
        os.read(link.ticket_reader.fileno(), 16)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(link.ticket_writer.fileno(), bytes(4096))
    link.close()


def test_an_empty_parking_is_refused() -> None:
    near, far = socket.socketpair()
    with near:
        with pytest.raises(BlockingIOError):
            TicketLink.from_parking(os.dup(far.fileno()))
        near.send(b"P")
        with pytest.raises(OSError, match="0 descriptors were parked"):
            TicketLink.from_parking(far.detach())


class NotedChannel:
    """What was sent to the gateway, and the sockets that went with it."""

    def __init__(self) -> None:
        self.sent: list[tuple[dict[str, object], socket.socket]] = []

    def send(self, message: dict[str, object], descriptor: int) -> None:
        self.sent.append((message, socket.socket(fileno=os.dup(descriptor))))


def test_a_taken_connection_goes_to_the_gateway() -> None:
    channel = NotedChannel()
    near, far = socket.socketpair()
    with near, far:
        GatewayLink(0, 77, channel, None).hand_over("wsgi", 5, far.fileno())  # type: ignore[arg-type]
        GatewayLink(0, 77, None, None).hand_over("wsgi", 6, far.fileno())
        ((message, end),) = channel.sent
        assert message == {"cmd": "taken", "stream": 5, "way": "wsgi"}
        with end:
            end.sendall(b"hello")
        assert near.recv(10) == b"hello"
