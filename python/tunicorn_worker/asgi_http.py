"""One HTTP request of an ASGI application: its `receive` and `send` (ASGI "HTTP & WebSocket", spec version 2.4)."""

from __future__ import annotations

import asyncio
import os
import stat
from collections import deque

from tunicorn_worker.errors import ClientGone
from tunicorn_worker.field_lines import AsgiFieldLines, ContentLength, make_hint_lines
from tunicorn_worker.wire import (
    ABORT,
    BODY,
    CREDIT,
    FRAME_BODY_BYTES_MAX,
    FRAME_HEADER_BYTES,
    HAS_CONTENT_LENGTH,
    HEAD,
    HINTS,
    RESPONSE,
    RESPONSE_WINDOW_BYTES,
    STREAM_WINDOW_BYTES,
    U32,
    WANTS_CLOSE,
    pack_end,
    pack_file,
    pack_header,
    pack_plain,
    pack_response,
    pack_u64,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import Any, Protocol

    from tunicorn_worker.config import Config
    from tunicorn_worker.field_lines import Status
    from tunicorn_worker.request_count import RequestCount

    class Channel(Protocol):
        """What an exchange needs of its channel: `asgi_channel.AsgiChannel`, or a test's."""

        service: HttpService
        exchanges: dict[int, Any]
        paused: bool
        """The gateway does not take what has been sent: `drain` before more."""

        def send(self, frame: bytes) -> None: ...

        repeatable: str | bytes | None
        repeatable_cost: int

        def send_message(self, stream: int, kind: int, whole: str | bytes, data: bytes) -> None: ...

        def repeat_message(self, stream: int) -> None: ...

        async def drain(self) -> None: ...

        def started(self, stream: int) -> None:
            """The application is about to be called."""

        def returned(self, task: asyncio.Task[None]) -> None:
            """The application's call is over."""


# States of a response.
OPEN = 0
"""The application has said nothing."""
STARTED = 1
"""It has said status and headers; nothing has left, a 500 is still possible."""
STREAMING = 2
"""The head has left."""
TRAILERS = 3
"""The body is complete, trailers are to follow."""
ENDED = 4
"""The last frame has left: RESPONSE, END, ABORT or a taken FILE, exactly one for every request."""

ERROR_STATUS = b"500 Internal Server Error"
ERROR_BODY = b"Internal Server Error"
ERROR_HEAD = b"Content-Type: text/plain\r\nContent-Length: %d\r\n" % len(ERROR_BODY)
FILE_READ_BYTES = FRAME_BODY_BYTES_MAX

READ = object()
"""In place of a body that the application has had."""


class HttpService:
    """What all requests of a worker share.

    state: the lifespan's; each request gets a copy
    aborted: SIGABRT has come, and raised SystemExit in whatever ran
    exchange: what serves a request
    """

    def __init__(
        self,
        application: Any,
        config: Config,
        log: logging.Logger,
        state: dict[str, Any],
        request_count: RequestCount | None = None,
    ) -> None:
        self.exchange = HttpExchange
        self.application = application
        self.state = state
        self.log = log
        self.loop = asyncio.get_running_loop()
        self.aborted = False
        self.request_count = request_count
        self.limit_seconds: int = config.request_timeout
        self.known = AsgiFieldLines()
        self.grace_seconds: int = config.asgi_disconnect_grace_period
        self.sends_files = config.sendfile


class HttpExchange:
    """One request and its response.

    task: the application's call; begun: when it began, where requests have a limit; set by the channel
    """

    __slots__ = (
        "_bodiless",
        "_body",
        "_body_ended",
        "_channel",
        "_chunks",
        "_content_length",
        "_credit",
        "_disconnect_timer",
        "_dropped_body",
        "_file_taken",
        "_flags",
        "_gone",
        "_granted",
        "_head",
        "_left",
        "_method",
        "_sent",
        "_state",
        "_status",
        "_stream",
        "_timed_out",
        "_trailers",
        "_waiters",
        "begun",
        "task",
    )

    def __init__(self, channel: Channel, stream: int, method: str, body: bytes | None) -> None:
        """body: the whole body, ``b""`` without one; None: it comes in frames."""
        self._channel = channel
        self._stream = stream
        self._method = method
        self._body: object = body
        self._state = OPEN
        self._gone = False
        self._left = False
        self._timed_out = False
        self.begun = 0.0
        self._waiters: list[asyncio.Future[None]] | None = None
        self._disconnect_timer: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[None] | None = None
        if body is None:
            self._chunks: deque[bytes] = deque()
            self._body_ended = False
            self._granted = 0

    # -- the application's call

    async def run(self, application: Any, scope: dict[str, Any]) -> None:
        """Call the application; never raises for what it does."""
        channel = self._channel
        try:
            # Whoever left before the application was called need not be served.
            if not self._left:
                channel.started(self._stream)
                await application(scope, self.receive, self.send)
            if self._state != ENDED:
                self._unfinished()
        except BaseException as error:
            if channel.service.aborted:
                raise
            self._fail(error)
        finally:
            if self._disconnect_timer is not None:
                self._disconnect_timer.cancel()
            task: Any = self.task
            channel.returned(task)

    def leave(self, *, failed: bool) -> None:
        """The call that made this response is over, and was not `run`: it denied a WebSocket.

        failed: by an exception, which has been logged
        """
        if self._state != ENDED:
            if failed:
                self._give_up()
            else:
                self._unfinished()
        if self._disconnect_timer is not None:
            self._disconnect_timer.cancel()

    def _unfinished(self) -> None:
        if not self._left:
            log = self._channel.service.log
            if self._state == OPEN:
                log.error("ASGI application returned without sending a response")
            else:
                log.error("ASGI application returned without completing the response; closing the connection")
        self._give_up()

    def time_out(self) -> None:
        """The request has taken longer than request_timeout: cancel the application's call, at every call of this."""
        self._timed_out = True
        task: Any = self.task
        task.cancel()

    def _fail(self, error: BaseException) -> None:
        log = self._channel.service.log
        if self._timed_out and isinstance(error, asyncio.CancelledError):
            log.error("Request timed out", exc_info=error)
        elif self._gone or self._left:
            log.debug("Request cancelled (client disconnected)")
        elif isinstance(error, asyncio.CancelledError):
            log.debug("Request cancelled")
        else:
            log.error("Error in ASGI application", exc_info=error)
        if self._state != ENDED:
            self._give_up()

    def _give_up(self) -> None:
        """End the response without the application: 500 as long as nothing has left, else a cut; when its time is over,
        without a head, and the gateway answers 504.
        """
        if self._state >= STREAMING or self._left or self._timed_out:
            self._end(pack_plain(ABORT, self._stream))
            return
        length = pack_u64(len(ERROR_BODY))
        body = b"" if self._method == "HEAD" else ERROR_BODY
        flags = HAS_CONTENT_LENGTH | WANTS_CLOSE
        self._end(pack_response(RESPONSE, self._stream, flags, ERROR_STATUS, ERROR_HEAD, length, body))

    def _end(self, frame: bytes) -> None:
        """Send the last frame. The stream's number is the gateway's again, while the application may run on."""
        self._state = ENDED
        channel = self._channel
        if frame:
            channel.send(frame)
        channel.exchanges.pop(self._stream, None)
        if self._disconnect_timer is not None:
            self._disconnect_timer.cancel()
            self._disconnect_timer = None
        if self._waiters is not None:
            self._wake()

    # -- waiting: for credit, for body bytes, for the client to leave

    async def _change(self) -> None:
        """Wait until something has happened to this exchange. Several tasks of one request may wait."""
        waiter = self._channel.service.loop.create_future()
        if self._waiters is None:
            self._waiters = []
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            if self._waiters is not None and waiter in self._waiters:
                self._waiters.remove(waiter)

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    # -- what the gateway says

    def add_credit(self, size: int) -> None:
        # None is given before the head has left.
        self._credit += size
        self._wake()

    def add_body(self, data: bytes) -> None:
        self._granted -= len(data)
        if data:
            self._chunks.append(data)
            self._wake()

    def end_body(self, *, short: bool) -> None:
        if short:
            self.client_fin()
        else:
            self._body_ended = True
            self._wake()

    def answer_file(self, *, taken: bool) -> None:
        self._file_taken: bool | None = taken
        self._wake()

    def client_fin(self) -> None:
        """The client sends nothing more: most have gone, some still read (`shutdown(SHUT_WR)`). The application hears
        `http.disconnect` once it has read the body; what it sends goes out as long as the client takes it.
        """
        if not self._gone:
            self._gone = True
            self._wake()
            grace = self._channel.service.grace_seconds
            task: Any = self.task
            # With 0 seconds too it is a call for later: a task that is cancelled before its first step says nothing.
            self._disconnect_timer = self._channel.service.loop.call_later(grace, task.cancel)

    def client_left(self) -> None:
        """Nobody is there any more: `send` raises from now on."""
        self._left = True
        self.client_fin()
        self._wake()

    # -- for the application

    async def receive(self) -> dict[str, Any]:
        """Return the next piece of the body, then `http.disconnect` when the client has left or has its response."""
        body = self._body
        if body is not READ and not self._left:
            if body is not None:
                self._body = READ
                return {"type": "http.request", "body": body, "more_body": False}
            message = await self._receive_piece()
            if message is not None:
                return message
        while not self._gone and self._state != ENDED:
            await self._change()
        return {"type": "http.disconnect"}

    async def _receive_piece(self) -> dict[str, Any] | None:
        """Return what has come of a body that streams; None when there will be no more of it."""
        chunks = self._chunks
        while not chunks:
            if self._body_ended:
                self._body = READ
                return {"type": "http.request", "body": b"", "more_body": False}
            if self._gone or self._state == ENDED:
                return None
            # Half a window at a time: the gateway never runs dry, and most pieces need no frame of ours.
            if self._granted <= STREAM_WINDOW_BYTES // 2:
                more = STREAM_WINDOW_BYTES - self._granted
                self._granted += more
                self._channel.send(pack_plain(CREDIT, self._stream, U32.pack(more)))
            await self._change()
        body = chunks.popleft()
        more_body = bool(chunks) or not self._body_ended
        if not more_body:
            self._body = READ
        return {"type": "http.request", "body": body, "more_body": more_body}

    async def send(self, message: dict[str, Any]) -> None:
        """Take one message of the application.

        Raises ClientGone when the client has left, RuntimeError for a message out of order, TypeError and ValueError
        for a head that may not be sent.
        """
        if self._left:
            raise ClientGone()
        kind = message["type"]
        if kind == "http.response.body":
            body = message.get("body", b"")
            more_body = message.get("more_body", False)
            state = self._state
            if state == STARTED and not more_body and self._is_whole(body):
                # The hot path: one frame, and nothing to wait for.
                self._end(self._pack_head(RESPONSE, body))
                if self._channel.paused:
                    await self._channel.drain()
            elif state in (STARTED, STREAMING):
                await self._send_body(body, more_body)
            elif state == OPEN:
                raise RuntimeError("Response not started")
            else:
                raise RuntimeError("Response already complete")
        elif kind == "http.response.start":
            self._start(message)
        elif kind == "http.response.trailers":
            self._send_trailers(message)
        elif kind == "http.response.pathsend":
            await self._send_path(message["path"])
        elif kind == "http.response.informational":
            self._send_hints(self._channel.service.known, message.get("status"), message.get("headers", ()))
        elif kind == "http.response.early_hint":
            self._send_hints(self._channel.service.known, 103, [(b"link", link) for link in message.get("links", ())])
        # Others are ignored, as Gunicorn does: http.response.push, http.response.debug.

    def _start(self, message: dict[str, Any]) -> None:
        if self._state != OPEN:
            raise RuntimeError("Response already started")
        known = self._channel.service.known
        code = message["status"]
        status = known.codes.get(code) or known.code(code)
        find = known.fields.get
        lines: list[Any] = []
        flags = 0
        self._content_length: int | None = None
        for field in message.get("headers", ()):
            try:
                line = find(field)
            except TypeError:  # A list cannot be looked up.
                line = None
            if line is None:
                line = known.field(field)
            if line.__class__ is bytes:
                lines.append(line)
            elif isinstance(line, ContentLength):
                if not status.lengthless:
                    self._content_length = line.add_to(lines, self._content_length)
            else:
                flags |= WANTS_CLOSE
        self._status: Status = status
        self._head = b"".join(lines)
        self._flags = flags
        self._bodiless = status.bodiless or self._method == "HEAD"
        self._dropped_body = False
        self._sent = 0
        self._trailers: list[bytes] | None = [] if message.get("trailers") else None
        self._state = STARTED

    def _is_whole(self, body: Any) -> bool:
        """Whether these bytes are all of a response that needs no second look."""
        return (
            body.__class__ is bytes
            and not self._bodiless
            and self._trailers is None
            and (self._content_length is None or self._content_length == len(body))
            and len(body) <= RESPONSE_WINDOW_BYTES
        )

    async def _send_body(self, body: Any, more_body: bool) -> None:
        # The application may write into a bytearray again once it has been sent.
        data: bytes = body if body.__class__ is bytes else bytes(body)
        if self._bodiless:
            if data:
                self._warn_of_body()
                data = b""
        else:
            length = self._content_length
            if length is not None and len(data) > length - self._sent:
                data = data[: length - self._sent]
            self._sent += len(data)
            if length is not None and not more_body and self._sent < length:
                self._warn_of_short_body(length)
                await self._stream_out(data)
                self._end(pack_plain(ABORT, self._stream))
                return
        if self._state == STARTED and not more_body and self._trailers is None and len(data) <= RESPONSE_WINDOW_BYTES:
            self._end(self._pack_head(RESPONSE, data))
        else:
            await self._stream_out(data)
            # Two tasks may have sent a last piece each: one of them was first.
            if not more_body and self._state == STREAMING:
                if self._trailers is not None:
                    self._state = TRAILERS
                else:
                    self._end(pack_end(self._stream, b""))
        if self._channel.paused:
            await self._channel.drain()

    def _pack_head(self, kind: int, data: bytes) -> bytes:
        """Build a RESPONSE or HEAD frame with the response's head and these body bytes."""
        length = b""
        flags = self._flags
        if self._content_length is not None:
            flags |= HAS_CONTENT_LENGTH
            length = pack_u64(self._content_length)
        return pack_response(kind, self._stream, flags, self._status.line, self._head, length, data)

    async def _stream_out(self, data: bytes) -> None:
        """Send the head, if it has not left, and body bytes as the client takes them. Raises ClientGone."""
        at = 0
        if self._state == STARTED:
            at = min(len(data), FRAME_BODY_BYTES_MAX)
            self._state = STREAMING
            self._credit = STREAM_WINDOW_BYTES - at
            self._channel.send(self._pack_head(HEAD, data[:at]))
        while at < len(data):
            while self._credit <= 0:
                await self._change()
                if self._left:
                    raise ClientGone()
            part = min(len(data) - at, FRAME_BODY_BYTES_MAX, self._credit)
            self._credit -= part
            header = pack_header(FRAME_HEADER_BYTES + part, self._stream, BODY, 0, 0, 0)
            self._channel.send(header + (data if part == len(data) else data[at : at + part]))
            at += part

    def _send_trailers(self, message: dict[str, Any]) -> None:
        """`http.response.trailers`, announced by `trailers` in the start message; collected up to the last one."""
        if self._state != TRAILERS or self._trailers is None:
            if self._state == ENDED:
                raise RuntimeError("Response already complete")
            raise RuntimeError("Trailers before the end of the body, or not announced at the response's start")
        self._trailers.append(make_hint_lines(message.get("headers", ())))
        if not message.get("more_trailers", False):
            self._end(pack_end(self._stream, b"".join(self._trailers)))

    def _send_hints(self, known: AsgiFieldLines, code: object, headers: Any) -> None:
        """An interim response before the final one. Raises as `send`."""
        if self._state != OPEN:
            raise RuntimeError("Informational response after response start")
        status = known.code(code)
        if status.code > 199 or status.code == 101:
            raise ValueError(f"{status.code} is no informational status")
        self._channel.send(pack_response(HINTS, self._stream, 0, status.line, make_hint_lines(headers), b"", b""))

    async def _send_path(self, path: Any) -> None:
        """`http.response.pathsend`: the gateway sends the file itself, where it may. Raises OSError."""
        if self._state != STARTED:
            raise RuntimeError("Response not started" if self._state == OPEN else "Response body already begun")
        name = os.path.abspath(os.fsencode(path))
        status = os.stat(name)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"pathsend: {path!r} is not a regular file")
        size = status.st_size if self._content_length is None else self._content_length
        offered = self._channel.service.sends_files and not self._bodiless and 0 < size <= status.st_size
        if offered and self._trailers is None:
            await self._stream_out(b"")
            if await self._offer_file(status, size, name):
                return
        await self._read_out(name)

    async def _offer_file(self, status: os.stat_result, size: int, name: bytes) -> bool:
        self._file_taken = None
        self._channel.send(pack_file(self._stream, status.st_dev, status.st_ino, 0, size, name))
        while self._file_taken is None:
            await self._change()
            if self._left:
                raise ClientGone()
        if self._file_taken:
            # The response is the gateway's: there is no last frame of ours.
            self._end(b"")
        return self._file_taken

    async def _read_out(self, name: bytes) -> None:
        """Send a file's bytes from here."""
        loop = self._channel.service.loop
        if self._bodiless:
            await self._send_body(b"", False)
            return
        with open(name, "rb") as file:
            data = await loop.run_in_executor(None, file.read, FILE_READ_BYTES)
            while data:
                await self._send_body(data, True)
                data = await loop.run_in_executor(None, file.read, FILE_READ_BYTES)
        await self._send_body(b"", False)

    def _warn_of_body(self) -> None:
        if not self._dropped_body:
            self._dropped_body = True
            self._channel.service.log.warning(
                "ASGI app sent body bytes on a no-body response (method=%s status=%s); dropping per RFC 9110.",
                self._method,
                self._status.code,
            )

    def _warn_of_short_body(self, length: int) -> None:
        self._channel.service.log.warning(
            "response body is shorter than its Content-Length method=%s declared=%d sent=%d",
            self._method,
            length,
            self._sent,
        )
