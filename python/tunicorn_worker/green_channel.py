"""A worker channel on which many requests run at once, each in a greenlet of its own and on a stream of its own.

One greenlet reads the frames, another writes what the gateway does not take at once.
"""

from __future__ import annotations

import marshal
from _socket import socket as plain_socket  # Below what gevent and eventlet patch: it never waits for others.
from time import monotonic

from tunicorn_worker.body import ChannelBody, InlineBody
from tunicorn_worker.errors import FrameError, GatewayGone
from tunicorn_worker.request_channel import RequestChannel
from tunicorn_worker.wire import (
    BODY_FOLLOWS,
    CLIENT_FIN,
    COMPLETED,
    ENTRY_COUNT,
    FRAME_BODY_BYTES_MAX,
    FRAME_BYTES_MAX,
    FRAME_HEADER_BYTES,
    LEAVING,
    PING,
    PONG,
    READY,
    REPORTS,
    REPORTS_END,
    REQUEST,
    STOP,
    STREAM_WINDOW_BYTES,
    U32,
    pack_plain,
    unpack_header,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any

    from tunicorn_worker.access_journal import AccessJournal
    from tunicorn_worker.green_library import GreenLibrary, News
    from tunicorn_worker.request_channel import HandOver

    Call = Callable[["GreenStream", dict[str, Any]], None]

RECEIVE_BYTES = FRAME_BODY_BYTES_MAX + FRAME_HEADER_BYTES
"""Many requests, or one whole BODY frame, per system call."""
UNSENT_BYTES_MAX = 1 << 20
"""What waits for a gateway that is busy; beyond it greenlets wait too. Windows of a thousand streams would be 64 MB."""
PROMPT_SECONDS = 0.001
"""Answers within so much of a turn of the hub leave in one write behind it; when greenlets take long, each at once."""


class GreenStream(RequestChannel):
    """One request. Its greenlet waits for frames that the channel's reads.

    begun: when the application was called, by the monotonic clock; 0 before
    """

    __slots__ = ("_channel", "_waiting", "begun", "greenlet")

    response_window = request_window = STREAM_WINDOW_BYTES

    def __init__(self, channel: GreenChannel, stream: int, hand_over: HandOver) -> None:
        super().__init__(hand_over)
        self.stream = stream
        self.greenlet: Any = None
        self.begun = 0.0
        self._channel = channel
        # More than one when the application reads or writes in greenlets of its own.
        self._waiting: list[News] = []

    def act(self, kind: int, payload: bytes) -> bool:
        """Take a frame of this request; False for one that is not known."""
        known = self._act_on_request(kind, payload)
        self._wake()
        return known

    def lose(self) -> None:
        """The gateway is gone."""
        self.lost = True
        self._wake()

    def hang_up(self) -> None:
        self._channel.close()

    def is_late(self, latest: float) -> bool:
        """Whether it began no later than `latest`. One that has taken its client's connection may keep it."""
        return 0 < self.begun <= latest and self.taken is None

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for news in waiting:
            news.release()

    def send(self, frame: bytes) -> None:
        self._channel.send(frame)

    def send_gathered(self, header: bytes, body: bytes | memoryview) -> None:
        self._channel.send(b"".join((header, body)))

    def _look(self) -> None:
        """What has come has been acted on."""

    def _receive(self) -> None:
        news = self._channel.make_news()
        self._waiting.append(news)
        news.acquire()
        if self.lost:
            raise GatewayGone()


class GreenChannel:
    """Frames to and from the gateway.

    streams: the requests that are in the application
    released: STOP has come: no request follows
    ending: the worker leaves at once: what was not begun is another worker's
    lost: the channel's end; fault: what was wrong with it
    """

    def __init__(
        self,
        end: socket.socket,
        library: GreenLibrary,
        entries: memoryview,
        *,
        call: Call,
        base: dict[str, Any],
        hand_over: HandOver,
        on_change: Callable[[GreenChannel], None],
        journal: AccessJournal | None = None,
    ) -> None:
        """end: a cooperative socket, taken over
        entries: the words that say which streams were started (channels.md §5)
        call: serves one request, see `WsgiCaller.call`; base: what `base_environ` made
        on_change: called when the last request has ended, and after `released`, `reports_ended` and `lost`
        journal: see RequestChannel
        """
        self.journal = journal
        self.reports_ended = False
        self.streams: dict[int, GreenStream] = {}
        self.released = False
        self.ending = False
        self.lost = False
        self.fault: str | None = None
        self.make_news = library.make_news
        self._library = library
        self._socket = end
        self._plain = plain_socket(fileno=end.fileno())
        self._entries = entries
        self._call = call
        self._base = base
        self._hand_over = hand_over
        self._on_change = on_change
        self._out: list[bytes] = []
        self._unsent_bytes = 0
        self._turn_began = 0.0
        self._flush_due = False
        self._rest = b""
        """What the kernel had no room for; `_out` waits behind it."""
        self._work = library.make_news()
        self._full: list[News] = []
        library.spawn(self._read)
        library.spawn(self._write)

    # -- frames in

    def _read(self) -> None:
        receive = self._socket.recv
        rest = b""
        try:
            while not self.lost:
                data = receive(RECEIVE_BYTES)
                if not data:
                    break
                # What the requests in it answer at once leaves in one write, behind them.
                self._flush_due = True
                self._turn_began = monotonic()
                rest = self._feed(rest + data if rest else data)
                self._library.pause()
                self.flush()
        except FrameError as error:
            self.fault = error.strerror
        except OSError:
            pass  # The gateway is gone.
        finally:
            self._lose()

    def _feed(self, data: bytes) -> bytes:
        """Act on every whole frame; returns what is left over. Raises FrameError."""
        at = 0
        size = len(data)
        while size - at >= FRAME_HEADER_BYTES:
            length, stream, kind, flags, _, head_bytes = unpack_header(data, at)
            if not FRAME_HEADER_BYTES <= length <= FRAME_BYTES_MAX:
                raise FrameError(f"the gateway sent a frame of {length} bytes (type {kind})")
            end = at + length
            if end > size:
                break
            at += FRAME_HEADER_BYTES
            if kind == REQUEST:
                head_end = at + head_bytes
                self._begin(stream, flags, data[at:head_end], data[head_end:end])
            else:
                self._act(kind, stream, data[at:end])
            at = end
        return data[at:]

    def _begin(self, stream: int, flags: int, head: bytes, body: bytes) -> None:
        environ = marshal.loads(head)
        environ |= self._base
        request = GreenStream(self, stream, self._hand_over)
        request.journal = self.journal
        if flags & BODY_FOLLOWS:
            environ["wsgi.input"] = ChannelBody(request)
        elif body:
            environ["wsgi.input"] = InlineBody(body)
        self.streams[stream] = request
        request.greenlet = self._library.spawn(self._serve, request, environ)

    def _serve(self, request: GreenStream, environ: dict[str, Any]) -> None:
        """A request's greenlet."""
        if self.ending:
            return
        stream = request.stream
        # From here on no other worker gets the request.
        self._entries[stream % ENTRY_COUNT] = stream
        request.begun = monotonic()
        try:
            self._call(request, environ)
        finally:
            # What the application may keep of it does nothing any more.
            request.stream = 0
            del self.streams[stream]
            if not self.streams:
                self._on_change(self)

    def _act(self, kind: int, stream: int, payload: bytes) -> None:
        if stream == 0:
            if kind == PING:
                self.send(pack_plain(PONG, 0))
            elif kind == STOP:
                self.released = True
                self._on_change(self)
            elif kind == REPORTS_END:
                self.reports_ended = True
                self._on_change(self)
            else:
                raise FrameError(f"the gateway sent a frame of the unknown type {kind}")
            return
        if kind == COMPLETED:
            if self.journal is not None:
                self.journal.report(stream, payload)
            return
        request = self.streams.get(stream)
        # Without one it crossed our last frame of that request. That a client sends nothing more is no news to WSGI.
        if request is not None and kind != CLIENT_FIN and not request.act(kind, payload):
            raise FrameError(f"the gateway sent a frame of the unknown type {kind}")

    def _lose(self) -> None:
        if self.lost:
            return
        self.lost = True
        self._out.clear()
        self._rest = b""
        self._plain.detach()
        self._socket.close()
        for request in list(self.streams.values()):
            request.lose()
        self._wake_full()
        self._work.release()
        self._on_change(self)

    # -- frames out

    def send(self, frame: bytes) -> None:
        """Send one whole frame, soon. Waits while the gateway is busy and much is unsent. Raises GatewayGone."""
        if self.lost:
            raise GatewayGone()
        self._out.append(frame)
        self._unsent_bytes += len(frame)
        if not self._flush_due:
            self._flush_due = True
            self._turn_began = monotonic()
            self._work.release()
        elif monotonic() - self._turn_began > PROMPT_SECONDS:
            self.flush()
        while self._unsent_bytes > UNSENT_BYTES_MAX and not self.lost:
            news = self.make_news()
            self._full.append(news)
            if not self._rest:
                self.flush()
            if self._unsent_bytes > UNSENT_BYTES_MAX:
                news.acquire()

    def flush(self) -> None:
        """Give the kernel what it takes; the rest is the writing greenlet's."""
        self._flush_due = False
        if self._rest or not self._out or self.lost:
            return
        data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        try:
            sent = self._plain.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            # What the gateway had sent before its end is still read; the reader finds the end.
            sent = len(data)
        if sent < len(data):
            self._rest = data[sent:]
            self._work.release()
        self._unsent_bytes = len(self._rest)
        self._wake_full()

    def _write(self) -> None:
        while not self.lost:
            self._work.acquire()
            while self._rest and not self.lost:
                try:
                    self._socket.sendall(self._rest)
                except OSError:
                    break
                finally:
                    self._unsent_bytes -= len(self._rest)
                    self._rest = b""
                self._wake_full()
            self.flush()

    def _wake_full(self) -> None:
        if self._unsent_bytes <= UNSENT_BYTES_MAX or self.lost:
            full, self._full = self._full, []
            for news in full:
                news.release()

    @property
    def flushed(self) -> bool:
        """The kernel has everything."""
        return self.lost or not (self._out or self._rest)

    def send_ready(self, worker: int) -> None:
        self.send(pack_plain(READY, 0, U32.pack(worker)))

    def send_leaving(self) -> None:
        self.send(pack_plain(LEAVING, 0))

    def ask_for_reports(self, *, wanted: bool) -> None:
        """Have the gateway report here what became of the worker's requests, or no more."""
        self.send(pack_plain(REPORTS, 0, U32.pack(wanted)))

    def close(self) -> None:
        """Close, with what is on its way."""
        self._lose()
