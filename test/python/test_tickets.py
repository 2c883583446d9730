"""The claim protocol: one ticket, one worker, and nothing that was voided."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from fake_gateway import FakeGateway
from tunicorn_worker import wire
from tunicorn_worker.tickets import CLAIM_WORD, SLOT_WORDS, GatewayPipeEnded, Tickets

ME = 7


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    gateway = FakeGateway()
    yield gateway
    gateway.close()


@pytest.fixture
def tickets(gateway: FakeGateway) -> Iterator[Tickets]:
    tickets = Tickets.open(os.dup(gateway.pipe_read), os.dup(gateway.memory), ME)
    yield tickets
    tickets.close()


def test_takes_head_and_body_from_the_slot(gateway: FakeGateway, tickets: Tickets) -> None:
    gateway.write_slot(1023, 5, b"HEADbody and more")
    gateway.write_ticket(1023, 4, 5, 4)
    claim = tickets.take()
    assert claim is not None
    stream, head, body = claim
    assert (stream, bytes(head or b""), body) == (5, b"HEAD", b"body")
    number, owner, started, reserved = gateway.slot_words(1023)
    assert (number, owner, started & 1, reserved) == (5, ME, 1, 0)


def test_says_which_request_the_lane_has(gateway: FakeGateway, tickets: Tickets) -> None:
    assert not tickets.has(0)
    gateway.write_slot(3, 5, b"HEAD")
    gateway.write_ticket(3, 4, 5, 0)
    tickets.take()
    assert (tickets.has(5), tickets.has(6)) == (True, False)
    # Its slot is another lane's by now.
    os.pwrite(gateway.memory, wire.TICKET.pack(5, ME + 1, 1, 0), 3 * wire.SLOT_BYTES)
    assert not tickets.has(5)


def test_head_and_body_through_the_channel(gateway: FakeGateway, tickets: Tickets) -> None:
    gateway.write_slot(0, 9)
    gateway.write_ticket(0, wire.THROUGH_CHANNEL, 9, wire.THROUGH_CHANNEL)
    assert tickets.take() == (9, None, None)


@pytest.mark.parametrize(
    "standing", [(0, 0, 0, 0), (6, 0, 0, 0), (6, 9, 77, 0)], ids=["voided", "given to another request", "which runs"]
)
def test_a_stale_ticket_writes_nothing(gateway: FakeGateway, tickets: Tickets, standing: tuple[int, ...]) -> None:
    os.pwrite(gateway.memory, wire.TICKET.pack(*standing), 3 * wire.SLOT_BYTES)
    gateway.write_ticket(3, 4, 5, 0)
    assert tickets.take() is None
    assert gateway.slot_words(3) == standing


class VoidedAtTheClaim:
    """Slot memory in which the gateway voids a request at the moment of its claim."""

    def __init__(self, words: memoryview) -> None:
        self._words = words

    def __getitem__(self, word: int) -> int:
        value: int = self._words[word]
        return value

    def __setitem__(self, word: int, value: int) -> None:
        if word % SLOT_WORDS == CLAIM_WORD and value == ME:
            self._words[word - CLAIM_WORD] = 0
        self._words[word] = value


def test_a_request_that_is_voided_while_it_is_claimed_is_given_back(gateway: FakeGateway, tickets: Tickets) -> None:
    tickets._words = VoidedAtTheClaim(tickets._words)  # type: ignore[assignment]
    gateway.write_slot(3, 5, b"HEAD")
    gateway.write_ticket(3, 4, 5, 0)
    assert tickets.take() is None
    assert gateway.slot_words(3) == (0, 0, 0, 0)


def test_void_ticket_touches_no_slot(gateway: FakeGateway, tickets: Tickets) -> None:
    gateway.write_slot(0, 1)
    gateway.write_ticket(0, 4, 0, 0)
    assert tickets.take() is None
    assert gateway.slot_words(0) == (1, 0, 0, 0)


def test_empty_pipe_is_not_waited_for(tickets: Tickets) -> None:
    assert tickets.take() is None


def test_end_of_the_pipe(gateway: FakeGateway, tickets: Tickets) -> None:
    os.close(gateway.pipe_write)
    with pytest.raises(GatewayPipeEnded):
        tickets.take()
