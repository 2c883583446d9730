"""The ticket pipe and slot memory: how a worker takes a request (docs/internals/channels.md §5).

At most once: after the claim is written the id is looked at again, so that the gateway, which voids the id first and
looks at the claim 2 ms later, and a worker can never both believe that the request is theirs. Before, it is looked at
so that a ticket whose request is long over does not write into a slot that has become another request's.
"""

from __future__ import annotations

import mmap
import os
import threading
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
BEAT_WORD = 3
"""As the word before it, monotonic milliseconds: the low 32 bits, the lowest of them set, so never 0."""

AGE_MS_MAX = 0x7FFFFFFF
"""Half of what the words can tell: beyond it a start would seem to lie in the future."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    Claim = tuple[int, memoryview | None, bytes | None]


class GatewayPipeEnded(Exception):
    """Nobody holds the write end of the ticket pipe any more."""


class TicketPipe:
    """The read end of a ticket pipe, closed when the last of the threads that read it lets it go."""

    __slots__ = ("_lock", "_users", "descriptor")

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self._users = 0
        self._lock = threading.Lock()

    def hold(self) -> None:
        with self._lock:
            self._users += 1

    def let_go(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                os.close(self.descriptor)


class Tickets:
    """The read end of a ticket pipe, shared with other workers, and the slots that its tickets name: one lane's view.

    Slot words are read and written whole and in the machine's byte order, which is the little-endian one of the
    contract on every machine that Node runs on.
    """

    __slots__ = ("_bytes", "_descriptor", "_held", "_lane", "_pipe", "_words")

    def __init__(self, pipe: TicketPipe, memory: memoryview, lane: int) -> None:
        """lane: this lane's number (see `lane_number`), what a claim says."""
        pipe.hold()
        self._pipe = pipe
        self._descriptor = pipe.descriptor
        self._bytes = memory
        self._words = memory.cast("I")
        self._lane = lane
        self._held = 0

    @classmethod
    def open(cls, pipe: int, memory: int, lane: int) -> Tickets:
        """pipe, memory: descriptors; both are taken over."""
        view = memoryview(mmap.mmap(memory, SLOT_BYTES * SLOT_COUNT))
        os.close(memory)
        return cls(TicketPipe(pipe), view, lane)

    def for_lane(self, lane: int) -> Tickets:
        """The same pipe and memory, for another lane of this worker."""
        return Tickets(self._pipe, self._bytes, lane)

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        """Close the pipe with what is in it, unless another lane has it. The memory goes with the last view of it,
        maybe a head.
        """
        self._pipe.let_go()

    def beat(self) -> None:
        """Show that the process lives, while this lane has a request: called by another thread than the lane's.

        It may be over meanwhile, and the slot another's. That one only counts as alive for a moment longer.
        """
        words, word = self._words, self._held
        if words[word + CLAIM_WORD] == self._lane and words[word + STARTED_WORD]:
            words[word + BEAT_WORD] = int(monotonic() * 1000) & 0xFFFFFFFF | 1

    def has(self, request: int) -> bool:
        """Whether it is the request that this lane took last. It may be over."""
        words, word = self._words, self._held
        return request != 0 and words[word] == request and words[word + CLAIM_WORD] == self._lane

    def age_ms(self) -> int | None:
        """How long ago the request was started that this lane took last. It may be over.

        None: there was none, or its slot has become another request's.
        """
        words, word = self._words, self._held
        started = words[word + STARTED_WORD]
        if words[word + CLAIM_WORD] != self._lane or not started:
            return None
        age = (int(monotonic() * 1000) - started) & 0xFFFFFFFF
        return age if age <= AGE_MS_MAX else 0

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
            ticket = os.read(self._descriptor, TICKET_BYTES)
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
        words[word + CLAIM_WORD] = self._lane
        if words[word] != stream:
            words[word + CLAIM_WORD] = 0
            return None
        # From here on it is never given to another worker.
        self._held = word
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
