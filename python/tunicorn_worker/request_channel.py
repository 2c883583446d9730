"""The worker's end of one request: credit both ways, frames of its stream. How they travel is its subclasses'."""

from __future__ import annotations

import socket
from collections import deque

from tunicorn_worker.errors import ClientGone, GatewayGone
from tunicorn_worker.wire import (
    BODY,
    CANCEL,
    CREDIT,
    FILE_REFUSED,
    FILE_TAKEN,
    FRAME_BODY_BYTES_MAX,
    FRAME_HEADER_BYTES,
    REQUEST_BODY,
    REQUEST_BODY_END,
    RESPONSE_CREDIT,
    RESPONSE_WINDOW_BYTES,
    TAKEN,
    U32,
    pack_file,
    pack_header,
    pack_plain,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tunicorn_worker.access_journal import AccessJournal

    HandOver = Callable[[int, socket.socket], None]

REQUEST_WINDOW_BYTES = 262144
"""Request-body bytes that may come ahead of the application: a few frames, so that neither side waits for the other."""


class RequestChannel:
    """What serves one request at a time: the response's frames out, the body's in.

    stream: id of the request being served; frames of any other request are left over and ignored
    lost: nothing can be sent any more: the gateway left, or an exception cut a frame short
    killed: the worker leaves without this request, whose application is being stopped
    taken: the application's end of the client's connection, once it has asked for it
    journal: where access lines are open, if a Python logger of this worker writes them
    """

    __slots__ = (
        "_body_ended",
        "_cancelled",
        "_chunks",
        "_credit",
        "_file_answer",
        "_granted",
        "_hand_over",
        "_used",
        "journal",
        "killed",
        "lost",
        "stream",
        "taken",
    )

    response_window = RESPONSE_WINDOW_BYTES
    request_window = REQUEST_WINDOW_BYTES

    def __init__(self, hand_over: HandOver) -> None:
        """hand_over: gives a stream's other end of the client's connection to the gateway"""
        self._hand_over = hand_over
        self._chunks: deque[bytes] = deque()
        self.taken: socket.socket | None = None
        self.journal: AccessJournal | None = None
        self.killed = False
        self.lost = False
        self.stream = 0
        self._reset()

    def _reset(self) -> None:
        self._used = False
        self._credit = self.response_window
        self._cancelled = False
        self._granted = 0
        self._body_ended = False
        self._file_answer = 0
        self._chunks.clear()

    @property
    def client_gone(self) -> bool:
        """Whether the current request's client is known to have left, or the gateway with all clients."""
        return self._cancelled or self.lost

    # -- what subclasses do

    def send(self, frame: bytes) -> None:
        """Send one whole frame.

        Blocks while the gateway is busy; it always reads, so this ends. Raises GatewayGone.
        """
        raise NotImplementedError

    def send_gathered(self, header: bytes, body: bytes | memoryview) -> None:
        """Send one frame in two parts without copying the second one. Raises GatewayGone."""
        raise NotImplementedError

    def hang_up(self) -> None:
        """End the channel: the gateway answers what is on it."""
        raise NotImplementedError

    def _look(self) -> None:
        """Act on what has come, without waiting. Raises GatewayGone, FrameError."""
        raise NotImplementedError

    def _receive(self) -> None:
        """Wait until something has come, and act on it. Raises GatewayGone, FrameError."""
        raise NotImplementedError

    # -- the response

    def send_body(self, data: bytes | memoryview) -> None:
        """Send body bytes in BODY frames, as far and as fast as credit allows.

        Raises ClientGone when the gateway said, before or meanwhile, that the client left.
        """
        self.check_client()
        size = len(data)
        view = memoryview(data)
        at = 0
        while at < size:
            part = min(size - at, FRAME_BODY_BYTES_MAX, self.take_credit())
            header = pack_header(FRAME_HEADER_BYTES + part, self.stream, BODY, 0, 0, 0)
            # Before it is sent: that may wait, and another greenlet of the application send meanwhile.
            self.spend_credit(part)
            self.send_gathered(header, view[at : at + part])
            at += part

    def take_credit(self) -> int:
        """Wait until at least one body byte may be sent; returns how many. Raises ClientGone."""
        while self._credit <= 0:
            self._await_frames()
        return self._credit

    def spend_credit(self, body_bytes: int) -> None:
        """Count body bytes that left in a HEAD or BODY frame."""
        self._used = True
        self._credit -= body_bytes

    def check_client(self) -> None:
        """Read what has come, without waiting. Raises ClientGone when the client or the gateway has left."""
        if self.lost:
            raise GatewayGone()
        self._look()
        if self._cancelled:
            raise ClientGone()

    def offer_file(self, device: int, inode: int, offset: int, size: int, path: bytes) -> bool:
        """Ask the gateway to send `size` bytes of a file itself, after the head.

        Returns True when it took the response over (no END is due), False when the bytes must be sent.
        Raises ClientGone.
        """
        self.send(pack_file(self.stream, device, inode, offset, size, path))
        while not self._file_answer:
            self._await_frames()
        return self._file_answer == FILE_TAKEN

    # -- the request

    def next_body_chunk(self) -> bytes:
        """Wait for the next piece of the request's body; ``b""`` at its end, also when the client closed early.

        Grants credit: nothing at first, then a window, then what the application has taken. Raises ClientGone.
        """
        while not self._chunks:
            if self._body_ended:
                return b""
            if self._cancelled:
                raise ClientGone()
            # Half a window at a time: the gateway never runs dry, and most chunks need no frame of ours.
            if self._granted <= self.request_window // 2:
                more = self.request_window - self._granted
                self.send(pack_plain(CREDIT, self.stream, U32.pack(more)))
                self._used = True
                self._granted += more
            self._receive()
        return self._chunks.popleft()

    def _await_frames(self) -> None:
        """Read for a request that cannot go on without. Raises ClientGone, at once if that is already known."""
        if self._cancelled:
            raise ClientGone()
        self._receive()

    def _act_on_request(self, kind: int, payload: bytes) -> bool:
        """Act on a frame of the current request; False for one that is not known."""
        if kind == RESPONSE_CREDIT:
            self._credit += U32.unpack(payload)[0]
        elif kind == REQUEST_BODY:
            self._granted -= len(payload)
            if payload:
                self._chunks.append(payload)
        elif kind == REQUEST_BODY_END:
            self._body_ended = True
        elif kind == CANCEL:
            self._cancelled = True
        elif kind in (FILE_REFUSED, FILE_TAKEN):
            self._file_answer = kind
        else:
            return False
        return True

    # -- the client's connection

    def take_connection(self) -> socket.socket:
        """Take the client's connection over: what it sends behind its request can be read from the socket returned, and
        what is written there reaches it as it stands.

        A socketpair whose other end the gateway pumps. Raises GatewayGone.
        """
        if self.taken is None:
            if self.lost:
                raise GatewayGone()
            mine, theirs = socket.socketpair()
            try:
                self._hand_over(self.stream, theirs)
            finally:
                theirs.close()
            self._used = True
            self.taken = mine
        return self.taken

    def end_taken(self) -> None:
        """End a request whose response, if any, the application has written to the connection. Raises GatewayGone."""
        self.close_taken()
        if not self.lost:
            self.send(pack_plain(TAKEN, self.stream))

    def close_taken(self) -> None:
        """Close the application's end: the gateway closes the client's connection behind what was written."""
        if self.taken is not None:
            self.taken.close()
            self.taken = None
