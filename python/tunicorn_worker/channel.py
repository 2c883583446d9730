"""The worker's end of the worker channel: one request at a time, credit both ways, one system call per frame.

A `Channel` belongs to one thread and holds all its state, so that each thread of a gthread worker can have its own.
"""

from __future__ import annotations

import select
import socket
from collections import deque

from tunicorn_worker.errors import ClientGone, FrameError, GatewayGone
from tunicorn_worker.wire import (
    BODY,
    CANCEL,
    CREDIT,
    FETCH_HEAD,
    FILE_REFUSED,
    FILE_TAKEN,
    FRAME_BODY_BYTES_MAX,
    FRAME_BYTES_MAX,
    FRAME_HEADER_BYTES,
    LEAVING,
    PING,
    PONG,
    READY,
    REQUEST_BODY,
    REQUEST_BODY_END,
    REQUEST_HEAD,
    RESPONSE_CREDIT,
    RESPONSE_WINDOW_BYTES,
    STOP,
    U32,
    pack_file,
    pack_header,
    pack_plain,
    unpack_header,
)

REQUEST_WINDOW_BYTES = 262144
"""Request-body bytes that may come ahead of the application: a few frames, so that neither side waits for the other."""
RECEIVE_BYTES = FRAME_BODY_BYTES_MAX + FRAME_HEADER_BYTES
"""One whole BODY frame per system call."""
SEND_BUFFER_BYTES = 1 << 20
"""Asked of the kernel, which may give less: a response within its window should leave in one write."""
GATHER_BYTES_MIN = 16384
"""Bodies from this size are sent from where they are; smaller ones are cheaper copied behind their header."""


class Channel:
    """Frames to and from the gateway.

    stream: id of the request being served; frames of any other request are left over and ignored
    stopping: the gateway asked this worker to finish and leave
    lost: nothing can be sent any more: the gateway left, or an exception cut a frame short
    """

    __slots__ = (
        "_body_ended",
        "_buffer",
        "_cancelled",
        "_chunks",
        "_credit",
        "_file_answer",
        "_granted",
        "_head",
        "_ping_waits",
        "_poll",
        "_socket",
        "_used",
        "lost",
        "stopping",
        "stream",
    )

    def __init__(self, end: socket.socket) -> None:
        """end: the connected socket; the channel owns it."""
        end.setblocking(True)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._socket = end
        poll = select.poll()
        poll.register(end.fileno(), select.POLLIN)
        self._poll = poll.poll
        self._buffer = b""
        self._chunks: deque[bytes] = deque()
        self._ping_waits = False
        self.stopping = False
        self.lost = False
        self.stream = 0
        self._reset()

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def client_gone(self) -> bool:
        """Whether the current request's client is known to have left, or the gateway with all clients."""
        return self._cancelled or self.lost

    def close(self) -> None:
        self.lost = True
        self._socket.close()

    def hang_up(self) -> None:
        """End the channel from another thread than its own, which sees the end as if the gateway had left."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # It has ended already.

    def begin(self, stream: int) -> None:
        """Start serving a request. Frames for it cannot have come before: the gateway only answers frames of ours."""
        self.stream = stream
        # Most requests read nothing and send one frame: only `stream` changes.
        if self._used:
            self._reset()

    def _reset(self) -> None:
        self._used = False
        self._credit = RESPONSE_WINDOW_BYTES
        self._cancelled = False
        self._granted = 0
        self._body_ended = False
        self._head: bytes | None = None
        self._file_answer = 0
        self._chunks.clear()

    # -- sending

    def send(self, frame: bytes) -> None:
        """Send one whole frame.

        Blocks while the gateway is busy; it always reads, so this ends. Raises GatewayGone.
        """
        if self.lost:
            raise GatewayGone()
        try:
            self._socket.sendall(frame)
        except OSError as error:
            self.lost = True
            raise GatewayGone() from error
        except BaseException:
            self.lost = True  # A signal handler raised: part of the frame may be out, so no other may follow it.
            raise

    def send_gathered(self, header: bytes, body: bytes | memoryview) -> None:
        """Send one frame in two parts without copying the second one. Raises GatewayGone."""
        if len(body) < GATHER_BYTES_MIN:
            self.send(b"".join((header, body)))
            return
        if self.lost:
            raise GatewayGone()
        try:
            sent = self._socket.sendmsg((header, body)) - len(header)
            if sent < 0:
                self._socket.sendall(header[sent:])
                sent = 0
            if sent < len(body):
                self._socket.sendall(memoryview(body)[sent:])
        except OSError as error:
            self.lost = True
            raise GatewayGone() from error
        except BaseException:
            self.lost = True  # As in send.
            raise

    def send_ready(self, worker: int) -> None:
        self.send(pack_plain(READY, 0, U32.pack(worker)))

    def send_leaving(self) -> None:
        self.send(pack_plain(LEAVING, 0))

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
            self.send_gathered(header, view[at : at + part])
            self.spend_credit(part)
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
        while self._poll(0):
            self._receive()
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

    # -- receiving

    def fetch_head(self) -> bytes:
        """Get the marshalled head of the current request, when it was too large for its slot. Raises ClientGone."""
        self.send(pack_plain(FETCH_HEAD, self.stream))
        while self._head is None:
            self._await_frames()
        return self._head

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
            if self._granted <= REQUEST_WINDOW_BYTES // 2:
                more = REQUEST_WINDOW_BYTES - self._granted
                self.send(pack_plain(CREDIT, self.stream, U32.pack(more)))
                self._used = True
                self._granted += more
            self._receive()
        return self._chunks.popleft()

    def serve_idle(self) -> None:
        """Read what has come between two requests and answer a ping. Raises GatewayGone."""
        while self._poll(0):
            self._receive()
        if self._ping_waits:
            self._ping_waits = False
            self.send(pack_plain(PONG, 0))

    def _await_frames(self) -> None:
        """Read for a request that cannot go on without. Raises ClientGone, at once if that is already known."""
        if self._cancelled:
            raise ClientGone()
        self._receive()

    def _receive(self) -> None:
        """Read once, waiting if nothing is there, and act on every complete frame. Raises GatewayGone, FrameError."""
        self._used = True
        try:
            data = self._socket.recv(RECEIVE_BYTES)
        except OSError as error:
            self.lost = True
            raise GatewayGone() from error
        if not data:
            self.lost = True
            raise GatewayGone()
        if self._buffer:
            data = self._buffer + data
        at = 0
        while len(data) - at >= FRAME_HEADER_BYTES:
            size, stream, kind, _flags, _, _ = unpack_header(data, at)
            if not FRAME_HEADER_BYTES <= size <= FRAME_BYTES_MAX:
                self.lost = True
                raise FrameError(f"the gateway sent a frame of {size} bytes (type {kind})")
            if len(data) - at < size:
                break
            self._act(kind, stream, data[at + FRAME_HEADER_BYTES : at + size])
            at += size
        self._buffer = data[at:]

    def _act(self, kind: int, stream: int, payload: bytes) -> None:
        if stream == 0:
            if kind == STOP:
                self.stopping = True
            elif kind == PING:
                self._ping_waits = True
            else:
                self._refuse(kind)
        elif stream != self.stream:
            return  # Credit or a cancel that crossed our last frame of that request.
        elif kind == RESPONSE_CREDIT:
            self._credit += U32.unpack(payload)[0]
        elif kind == REQUEST_BODY:
            self._granted -= len(payload)
            if payload:
                self._chunks.append(payload)
        elif kind == REQUEST_BODY_END:
            self._body_ended = True
        elif kind == CANCEL:
            self._cancelled = True
        elif kind == REQUEST_HEAD:
            self._head = payload
        elif kind in (FILE_REFUSED, FILE_TAKEN):
            self._file_answer = kind
        else:
            self._refuse(kind)

    def _refuse(self, kind: int) -> None:
        self.lost = True
        raise FrameError(f"the gateway sent a frame of the unknown type {kind}")
