"""One WebSocket of an ASGI application: its `receive` and `send` (ASGI "HTTP & WebSocket", spec version 2.4).

The gateway speaks RFC 6455 with the client. Here are whole messages, and credit both ways: the gateway reads on as the
application receives, and `send` waits for a client that does not.
"""

from __future__ import annotations

import asyncio
from collections import deque

from tunicorn_worker.asgi_http import HttpExchange
from tunicorn_worker.errors import WebSocketGone
from tunicorn_worker.field_lines import make_hint_lines
from tunicorn_worker.wire import (
    ACCEPT,
    BINARY,
    CLOSE,
    CREDIT,
    END,
    FRAME_BODY_BYTES_MAX,
    FRAME_HEADER_BYTES,
    HAS_CONTENT_LENGTH,
    MESSAGE_COST_BYTES,
    MESSAGE_GOES_ON,
    RESPONSE,
    STREAM_WINDOW_BYTES,
    TEXT,
    U16,
    U32,
    WANTS_CLOSE,
    WEBSOCKET_TEXT,
    pack_header,
    pack_plain,
    pack_response,
    pack_u64,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from tunicorn_worker.asgi_http import Channel

# States of a WebSocket.
CONNECTING = 0
"""The application has not answered the handshake; an HTTP answer is still possible."""
OPEN = 1
DENIED = 2
"""The application answers with HTTP: an HttpExchange has the stream."""
CLOSED = 3
"""Either side has closed; the stream's number is the gateway's again."""

NORMAL = 1000
ABNORMAL = 1006
"""RFC 6455 §7.1.5: there was no close frame. Nobody sends it."""
INTERNAL_ERROR = 1011
REASON_BYTES_MAX = 123
"""RFC 6455 §5.5: a control frame has 125 bytes, of which the code takes two."""

DENIAL = "websocket.http.response."
EMPTY_HEAD = b"Content-Length: 0\r\n"
HANDSHAKE_FIELDS = frozenset(
    (
        b"sec-websocket-accept",
        b"sec-websocket-extensions",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"content-length",
    )
)
"""Fields that are the gateway's: a second one would make the client give up, or promise what nobody keeps."""


class WebsocketExchange:
    """One WebSocket, from its handshake to its end.

    task: the application's call; set by the channel
    """

    __slots__ = (
        "_cancel_timer",
        "_channel",
        "_code",
        "_credit",
        "_denial",
        "_in_pieces",
        "_messages",
        "_pieces",
        "_reason",
        "_received",
        "_sending",
        "_state",
        "_stream",
        "_told_connect",
        "_waiters",
        "task",
    )

    def __init__(self, channel: Channel, stream: int) -> None:
        self._channel = channel
        self._stream = stream
        self._state = CONNECTING
        self._told_connect = False
        self._messages: deque[tuple[dict[str, Any], int]] = deque()
        """What the application has not received, and what it costs."""
        self._pieces: list[bytes] = []
        self._received = 0
        self._credit = STREAM_WINDOW_BYTES
        self._sending: asyncio.Lock | None = None
        self._in_pieces = False
        """A message is on its way of which not all has been sent."""
        self._code = ABNORMAL
        self._reason = ""
        self._waiters: list[asyncio.Future[None]] = []
        self._denial: HttpExchange | None = None
        self._cancel_timer: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[None] | None = None

    # -- the application's call

    async def run(self, application: Any, scope: dict[str, Any]) -> None:
        """Call the application; never raises for what it does."""
        channel = self._channel
        failed = False
        try:
            if self._state == CONNECTING:
                channel.started(self._stream)
                await application(scope, self.receive, self.send)
        except BaseException as error:
            if channel.service.aborted:
                raise
            failed = True
            self._log(error)
        finally:
            self._finish(failed=failed)
            if self._cancel_timer is not None:
                self._cancel_timer.cancel()
            task: Any = self.task
            channel.returned(task)

    def _log(self, error: BaseException) -> None:
        log = self._channel.service.log
        if isinstance(error, WebSocketGone):
            log.debug("WebSocket closed while the application was sending")
        elif isinstance(error, asyncio.CancelledError):
            log.debug("Request cancelled")
        else:
            log.error("Error in WebSocket ASGI application", exc_info=error)

    def _finish(self, *, failed: bool) -> None:
        """End what the application has left open."""
        if self._state == CONNECTING:
            self._refuse(b"500 Internal Server Error" if failed else b"403 Forbidden")
        elif self._state == OPEN:
            self._close(INTERNAL_ERROR, b"Application error")
        elif self._denial is not None:
            self._denial.leave(failed=failed)

    def _refuse(self, status: bytes) -> None:
        flags = HAS_CONTENT_LENGTH | WANTS_CLOSE
        self._end(pack_response(RESPONSE, self._stream, flags, status, EMPTY_HEAD, pack_u64(0), b""))

    def _close(self, code: int, reason: bytes) -> None:
        self._code = code
        self._reason = reason.decode()
        self._end(pack_plain(CLOSE, self._stream, U16.pack(code) + reason))

    def _end(self, frame: bytes) -> None:
        """Send the last frame of the stream. The application may run on."""
        self._state = CLOSED
        channel = self._channel
        channel.send(frame)
        channel.exchanges.pop(self._stream, None)
        self._messages.clear()
        self._pieces.clear()
        self._wake()

    # -- waiting: for messages, for credit

    def _change(self) -> asyncio.Future[None]:
        """Return what is done once something has come; no coroutine, for most messages are waited for."""
        waiter = self._channel.service.loop.create_future()
        if self._waiters:
            # Those that were cancelled would gather.
            self._waiters = [other for other in self._waiters if not other.done()]
        self._waiters.append(waiter)
        return waiter

    def _wake(self) -> None:
        waiters = self._waiters
        if waiters:
            self._waiters = []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    # -- what the gateway says

    def add_credit(self, size: int) -> None:
        self._credit += size
        self._wake()

    def add_message(self, kind: int, data: bytes, goes_on: bool) -> None:
        """Take one piece of a client's message; text was checked by the gateway, as a whole."""
        if goes_on or self._pieces:
            self._pieces.append(data)
            if goes_on:
                return
            data = b"".join(self._pieces)
            self._pieces.clear()
        message: dict[str, Any] = {"type": "websocket.receive"}
        if kind == WEBSOCKET_TEXT:
            message["text"] = data.decode()
        else:
            message["bytes"] = data
        self._messages.append((message, len(data) + MESSAGE_COST_BYTES))
        if self._waiters:
            self._wake()

    def closed(self, code: int, reason: bytes) -> None:
        """The client, or the server, has closed: what came before is still received, nothing more is sent."""
        self._code = code
        self._reason = reason.decode()
        self._state = CLOSED
        self._channel.send(pack_plain(END, self._stream))
        self._over()

    def client_left(self) -> None:
        """The client went before its handshake was answered, or the gateway is gone."""
        if self._state == CONNECTING:
            # Nobody reads it: the stream's proper end.
            self._refuse(b"403 Forbidden")
            self._over()
        else:
            self.closed(ABNORMAL, b"")

    client_fin = client_left
    """Nobody opens a WebSocket without being able to speak."""

    def _over(self) -> None:
        channel = self._channel
        channel.exchanges.pop(self._stream, None)
        self._wake()
        task: Any = self.task
        # With 0 seconds too it is a call for later: a task that is cancelled before its first step says nothing.
        self._cancel_timer = channel.service.loop.call_later(channel.service.grace_seconds, task.cancel)

    # -- for the application

    async def receive(self) -> dict[str, Any]:
        """Return `websocket.connect`, then the client's messages, then `websocket.disconnect`."""
        if not self._told_connect:
            self._told_connect = True
            return {"type": "websocket.connect"}
        while not self._messages:
            if self._denial is not None:
                await self._denial.receive()
                return {"type": "websocket.disconnect", "code": ABNORMAL, "reason": ""}
            if self._state == CLOSED:
                return {"type": "websocket.disconnect", "code": self._code, "reason": self._reason}
            await self._change()
        message, cost = self._messages.popleft()
        self._received += cost
        # Half a window at a time: the gateway never runs dry, and most messages need no frame of ours.
        if self._received >= STREAM_WINDOW_BYTES // 2 and self._state == OPEN:
            self._channel.send(pack_plain(CREDIT, self._stream, U32.pack(self._received)))
            self._received = 0
        return message

    async def send(self, message: dict[str, Any]) -> None:
        """Take one message of the application.

        Raises WebSocketGone when the WebSocket is closed, RuntimeError for a message out of order, TypeError and
        ValueError for a head or a close code that may not be sent.
        """
        if message["type"] != "websocket.send":
            await self._send_other(message)
            return
        # Both keys may be there, one of them with None; text wins, as with Gunicorn.
        whole = message.get("text")
        kind = TEXT
        if whole is None:
            whole = message.get("bytes")
            if whole is None:
                return
            kind = BINARY
        channel = self._channel
        # The hot path: at most one frame, and nothing to wait for.
        may_send = self._credit > 0 and self._state == OPEN and not self._in_pieces
        if may_send and whole is channel.repeatable:
            self._credit -= channel.repeatable_cost
            channel.repeat_message(self._stream)
        else:
            if kind == TEXT:
                data = whole.encode()
            else:
                # What could be changed before it leaves is copied.
                data = whole = whole if whole.__class__ is bytes else bytes(whole)
            if not may_send or len(data) > FRAME_BODY_BYTES_MAX:
                await self._send_slowly(kind, data)
                return
            self._credit -= len(data) + MESSAGE_COST_BYTES
            channel.send_message(self._stream, kind, whole, data)
        if channel.paused:
            await channel.drain()

    async def _send_other(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "websocket.accept":
            self._accept(message.get("subprotocol"), message.get("headers") or ())
        elif kind == "websocket.close":
            self._close_by(message.get("code", NORMAL), message.get("reason") or "")
        elif kind.startswith(DENIAL):
            await self._deny(message)
        # Others are ignored, as Gunicorn does.

    def _accept(self, subprotocol: str | None, headers: Iterable[tuple[str | bytes, str | bytes]]) -> None:
        if self._state == CLOSED:
            raise WebSocketGone()
        if self._state != CONNECTING:
            raise RuntimeError("WebSocket already accepted" if self._state == OPEN else "WebSocket already denied")
        fields = [(name, value) for name, value in headers if not is_of_handshake(name)]
        if subprotocol:
            fields.insert(0, ("Sec-WebSocket-Protocol", subprotocol))
        head = make_hint_lines(fields)
        self._state = OPEN
        self._channel.send(pack_response(ACCEPT, self._stream, 0, b"", head, b"", b""))

    async def _send_slowly(self, kind: int, data: bytes) -> None:
        """Send a message that has to wait for credit or for another message, or is too long for one frame."""
        self._check_open()
        if self._sending is None:
            self._sending = asyncio.Lock()
        # Two tasks may send, and the pieces of their messages must not mix.
        async with self._sending:
            self._in_pieces = True
            try:
                await self._send_pieces(kind, data)
            finally:
                self._in_pieces = False
        if self._channel.paused:
            await self._channel.drain()

    async def _send_pieces(self, kind: int, data: bytes) -> None:
        size = len(data)
        at = 0
        while True:
            while self._credit <= 0 and self._state == OPEN:
                await self._change()
            self._check_open()
            part = min(size - at, FRAME_BODY_BYTES_MAX)
            flags = MESSAGE_GOES_ON if at + part < size else 0
            self._credit -= part if flags else part + MESSAGE_COST_BYTES
            header = pack_header(FRAME_HEADER_BYTES + part, self._stream, kind, flags, 0, 0)
            self._channel.send(header + data[at : at + part])
            at += part
            if not flags:
                return

    def _check_open(self) -> None:
        if self._state == CLOSED:
            raise WebSocketGone()
        if self._state != OPEN:
            raise RuntimeError("WebSocket not accepted")

    def _close_by(self, code: Any, reason: str) -> None:
        if self._state == CONNECTING:
            self._refuse(b"403 Forbidden")
            return
        self._check_open()
        if code is None:
            code = NORMAL
        if not may_be_sent(code):
            raise ValueError(f"{code!r} is no close code that may be sent (RFC 6455 §7.4)")
        self._close(code, cut_reason(reason))

    async def _deny(self, message: dict[str, Any]) -> None:
        """An HTTP answer instead of a WebSocket (ASGI "WebSocket Denial Response")."""
        if self._state == CLOSED:
            raise WebSocketGone()
        if self._state == OPEN:
            raise RuntimeError("WebSocket already accepted")
        if self._denial is None:
            denial = HttpExchange(self._channel, self._stream, "GET", b"")
            denial.task = self.task
            self._channel.exchanges[self._stream] = denial
            self._denial = denial
            self._state = DENIED
        await self._denial.send({**message, "type": "http.response." + message["type"][len(DENIAL) :]})


def is_of_handshake(name: str | bytes) -> bool:
    spelled = name.encode("latin-1") if isinstance(name, str) else name
    return spelled.lower() in HANDSHAKE_FIELDS


def may_be_sent(code: object) -> bool:
    """Whether a close frame may carry the code: RFC 6455 §7.4, and what IANA has added."""
    if not isinstance(code, int):
        return False
    return (1000 <= code <= 1014 and code not in (1004, 1005, 1006)) or 3000 <= code <= 4999


def cut_reason(reason: str) -> bytes:
    """Cut a reason to what fits, between two characters: ``cut_reason("é" * 62)`` is 61 of them."""
    return reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore").encode()
