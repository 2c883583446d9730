"""The ticket pipe and slot memory: how a worker takes a request (docs/internals/channels.md §5).

At most once: after the claim is written the id is looked at again, so that the gateway, which voids the id first and
looks at the claim 2 ms later, and a worker can never both believe that the request is theirs. Before, it is looked at
so that a ticket whose request is long over does not write into a slot that has become another request's.
"""

from __future__ import annotations

import mmap
import os
from time import monotonic

from tunicorn_worker.wire import (
    SLOT_BYTES,
    SLOT_COUNT,
    SLOT_HEADER_BYTES,
    THROUGH_CHANNEL,
    TICKET,
    TICKET_BYTES,
)

SLOT_WORDS = SLOT_BYTES // 4
CLAIM_WORD = 1
STARTED_WORD = 2
"""Monotonic milliseconds: the low 32 bits, the lowest of them set, so never 0."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    Claim = tuple[int, memoryview | None, bytes | None]


class GatewayPipeEnded(Exception):
    """Nobody holds the write end of the ticket pipe any more."""


class Tickets:
    """The read end of a ticket pipe, shared with other workers, and the slots that its tickets name.

    Slot words are read and written whole and in the machine's byte order, which is the little-endian one of the
    contract on every machine that Node runs on.
    """

    __slots__ = ("_bytes", "_pipe", "_words", "_worker")

    def __init__(self, pipe: int, memory: int, worker: int) -> None:
        """pipe, memory: descriptors; both are taken over. worker: this worker's number, what a claim says."""
        os.set_blocking(pipe, False)
        self._pipe = pipe
        self._bytes = memoryview(mmap.mmap(memory, SLOT_BYTES * SLOT_COUNT))
        os.close(memory)
        self._words = self._bytes.cast("I")
        self._worker = worker

    def fileno(self) -> int:
        return self._pipe

    def close(self) -> None:
        """Close the pipe with what is in it. The memory goes with the last view of it, maybe a head."""
        os.close(self._pipe)

    def take(self) -> Claim | None:
        """Read one ticket, claim its request and note that it starts.

        Returns None when another worker was faster, or the ticket is void; else a tuple (an object would be paid for by
        every request) of

        - the request's id
        - its marshalled head, or None when that must be fetched through the channel
        - its whole body, ``b""`` without one, or None when that comes through the channel

        Raises GatewayPipeEnded.
        """
        try:
            ticket = os.read(self._pipe, TICKET_BYTES)
        except BlockingIOError:
            return None
        if not ticket:
            raise GatewayPipeEnded
        slot, head_bytes, stream, body_bytes = TICKET.unpack(ticket)
        if not stream:
            return None
        words = self._words
        word = slot * SLOT_WORDS
        if words[word] != stream:
            return None
        words[word + CLAIM_WORD] = self._worker
        if words[word] != stream:
            words[word + CLAIM_WORD] = 0
            return None
        # From here on it is never given to another worker.
        words[word + STARTED_WORD] = int(monotonic() * 1000) & 0xFFFFFFFF | 1
        at = slot * SLOT_BYTES + SLOT_HEADER_BYTES
        end = at if head_bytes == THROUGH_CHANNEL else at + head_bytes
        if not body_bytes:
            body: bytes | None = b""
        elif body_bytes == THROUGH_CHANNEL:
            body = None
        else:
            body = bytes(self._bytes[end : end + body_bytes])
        return stream, None if head_bytes == THROUGH_CHANNEL else self._bytes[at:end], body
