"""The worker's end of the worker channel: one request at a time, credit both ways, one system call per frame.

A `Channel` belongs to one thread and holds all its state, so that each thread of a gthread worker can have its own.
"""

from __future__ import annotations

import select
import socket
from time import monotonic

from tunicorn_worker.errors import FrameError, GatewayGone
from tunicorn_worker.request_channel import RequestChannel
from tunicorn_worker.wire import (
    COMPLETED,
    FETCH_HEAD,
    FRAME_BODY_BYTES_MAX,
    FRAME_BYTES_MAX,
    FRAME_HEADER_BYTES,
    LEAVING,
    PING,
    PONG,
    READY,
    REPORTS,
    REPORTS_END,
    REQUEST_HEAD,
    STOP,
    U32,
    pack_plain,
    unpack_header,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tunicorn_worker.request_channel import HandOver

RECEIVE_BYTES = FRAME_BODY_BYTES_MAX + FRAME_HEADER_BYTES
"""One whole BODY frame per system call."""
SEND_BUFFER_BYTES = 1 << 20
"""Asked of the kernel, which may give less: a response within its window should leave in one write."""
REPORTS_END_SECONDS = 1.0
"""The gateway answers in microseconds; this is for one that is starved or hangs."""
GATHER_BYTES_MIN = 16384
"""Bodies from this size are sent from where they are; smaller ones are cheaper copied behind their header."""


class Channel(RequestChannel):
    """Frames to and from the gateway.

    stopping: the gateway asked this worker to finish and leave
    """

    __slots__ = ("_buffer", "_head", "_ping_waits", "_poll", "_reports_ended", "_socket", "stopping")

    def __init__(self, end: socket.socket, hand_over: HandOver) -> None:
        """end: the connected socket; the channel owns it. hand_over: see RequestChannel."""
        end.setblocking(True)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._socket = end
        poll = select.poll()
        poll.register(end.fileno(), select.POLLIN)
        self._poll = poll.poll
        self._buffer = b""
        self._ping_waits = False
        self._reports_ended = False
        self.stopping = False
        super().__init__(hand_over)

    def fileno(self) -> int:
        return self._socket.fileno()

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
        super()._reset()
        self._head: bytes | None = None

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

    def ask_for_reports(self) -> None:
        """Have the gateway report here what became of each of the worker's requests."""
        self.send(pack_plain(REPORTS, 0, U32.pack(1)))

    def end_reports(self) -> None:
        """Have what is reported from now on go elsewhere, and read what is on its way. Raises GatewayGone."""
        self.send(pack_plain(REPORTS, 0, U32.pack(0)))
        deadline = monotonic() + REPORTS_END_SECONDS
        while not self._reports_ended and (left := deadline - monotonic()) > 0:
            if self._poll(left * 1000):
                self._receive()

    # -- receiving

    def fetch_head(self) -> bytes:
        """Get the marshalled head of the current request, when it was too large for its slot. Raises ClientGone."""
        self.send(pack_plain(FETCH_HEAD, self.stream))
        while self._head is None:
            self._await_frames()
        return self._head

    def serve_idle(self) -> None:
        """Read what has come between two requests and answer a ping. Raises GatewayGone."""
        self._look()
        if self._ping_waits:
            self._ping_waits = False
            self.send(pack_plain(PONG, 0))

    def _look(self) -> None:
        while self._poll(0):
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
            elif kind == REPORTS_END:
                self._reports_ended = True
            else:
                self._refuse(kind)
        elif kind == COMPLETED:
            if self.journal is not None:
                self.journal.report(stream, payload)
        elif stream != self.stream:
            return  # Credit or a cancel that crossed our last frame of that request.
        elif kind == REQUEST_HEAD:
            self._head = payload
        elif not self._act_on_request(kind, payload):
            self._refuse(kind)

    def _refuse(self, kind: int) -> None:
        self.lost = True
        raise FrameError(f"the gateway sent a frame of the unknown type {kind}")
