"""An event loop's end of the worker channel: many requests at once, each on a stream of its own.

Everything that one turn of the loop has to say leaves in one write.
"""

from __future__ import annotations

import asyncio
import marshal

from tunicorn_worker.asgi_hook_objects import AsgiHookRequest, make_hook_environ
from tunicorn_worker.asgi_websocket import WebsocketExchange
from tunicorn_worker.wire import (
    BINARY_TO_MANY,
    BODY_FOLLOWS,
    BODY_SHORT,
    CANCEL,
    CLIENT_FIN,
    COMPLETED,
    ENTRY_COUNT,
    FILE_REFUSED,
    FILE_TAKEN,
    FRAME_BYTES_MAX,
    FRAME_HEADER_BYTES,
    LEAVING,
    MESSAGE_COST_BYTES,
    MESSAGE_GOES_ON,
    PING,
    PONG,
    READY,
    REPORTS,
    REPORTS_END,
    REQUEST,
    REQUEST_BODY,
    REQUEST_BODY_END,
    RESPONSE_CREDIT,
    STOP,
    TAKES_TRAILERS,
    TEXT,
    TEXT_TO_MANY,
    U16,
    U32,
    WEBSOCKET,
    WEBSOCKET_BINARY,
    WEBSOCKET_CLOSED,
    WEBSOCKET_TEXT,
    pack_header,
    pack_plain,
    pack_to_many,
    unpack_header,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from tunicorn_worker.access_journal import AccessJournal, OpenLine
    from tunicorn_worker.asgi_http import HttpExchange, HttpService

UNSENT_BYTES_MAX = 1 << 20
"""What waits for a gateway that is busy; beyond it `send` waits too. Windows of a thousand streams would be 64 MB."""


MESSAGES_GATHERED_MAX = 16
"""WebSocket frames that leave in one write: a write costs the worker about as much as making as many of them."""

REPEATS_MAX = 64
"""WebSockets that get one message by one frame. The gateway's write to each takes ten times as long as our noting it:
it is at work on these while the application goes on to the next."""


class AsgiChannel(asyncio.Protocol):
    """Frames to and from the gateway.

    exchanges: the requests that are not answered, by stream; tasks: the application's calls that have not returned
    released: STOP has come: no request follows
    reports_ended: no report follows of what became of requests
    lost: the channel's end
    repeatable: text or bytes of the WebSocket message that was sent last in this turn, and repeatable_cost what it
        takes of a window: who is to send the very same object says `repeat_message`
    """

    def __init__(
        self,
        service: HttpService,
        entries: memoryview,
        on_change: Callable[[AsgiChannel], None],
        journal: AccessJournal | None = None,
    ) -> None:
        """entries: the words that say which streams were started (channels.md §5)
        on_change: called when the last task has ended, and after `released`, `reports_ended` and `lost`
        journal: where access lines are open, if a Python logger of this worker writes them
        """
        self.service = service
        self.journal = journal
        self.reports_ended = False
        # HttpExchange or WebsocketExchange.
        self.exchanges: dict[int, Any] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.released = False
        self.lost = False
        self.paused = False
        self.fault: str | None = None
        self._entries = entries
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self.repeatable: str | bytes | None = None
        self.repeatable_cost = 0
        self._repeatable_kind = TEXT_TO_MANY
        self._repeatable_data = b""
        self._repeats: list[int] = []
        """Streams that get the repeatable message behind what is in `_out`."""
        self._out: list[bytes] = []
        self._flush_due = False
        self._rest = b""
        self._drained: list[asyncio.Future[None]] = []
        self._transport: Any = None

    # -- asyncio's

    def connection_made(self, transport: Any) -> None:
        transport.set_write_buffer_limits(high=UNSENT_BYTES_MAX)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        at = 0
        size = len(data)
        exchanges = self.exchanges
        while size - at >= FRAME_HEADER_BYTES:
            length, stream, kind, flags, _, head_bytes = unpack_header(data, at)
            end = at + length
            if end > size:
                if length > FRAME_BYTES_MAX:
                    self._break(f"the gateway sent a frame of {length} bytes (type {kind})")
                    return
                break
            if length < FRAME_HEADER_BYTES:
                self._break(f"the gateway sent a frame of {length} bytes (type {kind})")
                return
            at += FRAME_HEADER_BYTES
            if kind in (WEBSOCKET_TEXT, WEBSOCKET_BINARY):
                exchange = exchanges.get(stream)
                if exchange is not None:
                    exchange.add_message(kind, data[at:end], flags == MESSAGE_GOES_ON)
            elif kind == REQUEST:
                head_end = at + head_bytes
                self._begin(stream, flags, data[at:head_end], data[head_end:end])
            else:
                self._act(kind, stream, flags, data[at:end])
            at = end
        self._rest = data[at:] if at < size else b""
        # Behind the tasks of this turn in the loop's queue: what they answer at once leaves at once.
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush_turn)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self.paused = False
        for exchange in list(self.exchanges.values()):
            exchange.client_left()
        self._wake_drained()
        self._on_change(self)

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self._wake_drained()

    # -- frames in

    def _begin(self, stream: int, flags: int, head: bytes, body: bytes | None) -> None:
        scope = marshal.loads(head)
        service = self.service
        # Every request gets dicts of its own: middleware writes into them.
        scope["asgi"] = {"version": "3.0", "spec_version": "2.4"}
        scope["state"] = service.state.copy()
        if flags & WEBSOCKET:
            scope["type"] = "websocket"
            scope["extensions"] = {"websocket.http.response": {}}
            show_tls(scope)
            self._call(stream, WebsocketExchange(self, stream), scope)
            return
        scope["type"] = "http"
        scope["extensions"] = {"http.response.pathsend": {}, "http.response.early_hint": {}}
        if flags:
            if flags & BODY_FOLLOWS:
                body = None
            if flags & TAKES_TRAILERS:
                scope["extensions"]["http.response.trailers"] = {}
        show_tls(scope)
        exchange = service.exchange(self, stream, scope["method"], body)
        if service.limit_seconds:
            exchange.begun = self._loop.time()
        self._call(stream, exchange, scope)

    def _call(self, stream: int, exchange: HttpExchange | WebsocketExchange, scope: dict[str, Any]) -> None:
        self.exchanges[stream] = exchange
        call = exchange.run(self.service.application, scope)
        if self.journal is not None:
            # Here, not in the task: the client may have left before that takes its first step.
            call = self._call_logged(call, self.journal, self.journal.open(stream), stream, exchange, scope)
        exchange.task = task = self._loop.create_task(call)
        self.tasks.add(task)

    async def _call_logged(
        self,
        call: Coroutine[Any, Any, None],
        journal: AccessJournal,
        line: OpenLine,
        stream: int,
        exchange: HttpExchange | WebsocketExchange,
        scope: dict[str, Any],
    ) -> None:
        # A handshake's scope does not say: RFC 6455 §4.1, RFC 8441 §4.
        handshake = "CONNECT" if scope["http_version"] == "2" else "GET"
        line.request = AsgiHookRequest({"method": handshake, **scope})
        line.environ = make_hook_environ(line.request, scope)
        try:
            await call
        finally:
            line.response = getattr(exchange, "shown", None)
            journal.end(stream)

    def _act(self, kind: int, stream: int, flags: int, payload: bytes) -> None:
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
                self._break(f"the gateway sent a frame of the unknown type {kind}")
            return
        if kind == COMPLETED:
            if self.journal is not None:
                self.journal.report(stream, payload)
            return
        exchange = self.exchanges.get(stream)
        if exchange is None:
            return  # It crossed our last frame of that request.
        if kind == RESPONSE_CREDIT:
            exchange.add_credit(U32.unpack(payload)[0])
        elif kind == REQUEST_BODY:
            exchange.add_body(payload)
        elif kind == REQUEST_BODY_END:
            exchange.end_body(short=bool(flags & BODY_SHORT))
        elif kind == CANCEL:
            exchange.client_left()
        elif kind == CLIENT_FIN:
            exchange.client_fin()
        elif kind == WEBSOCKET_CLOSED:
            exchange.closed(U16.unpack_from(payload)[0], payload[U16.size :])
        elif kind in (FILE_TAKEN, FILE_REFUSED):
            exchange.answer_file(taken=kind == FILE_TAKEN)
        else:
            self._break(f"the gateway sent a frame of the unknown type {kind}")

    def _break(self, fault: str) -> None:
        """The gateway sent bytes that are no frame: the channel cannot be trusted any more."""
        self.fault = fault
        self._transport.abort()

    # -- frames out

    def send(self, frame: bytes) -> None:
        if self._repeats:
            self._settle_repeats()
        self._out.append(frame)
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush_turn)

    def _flush_turn(self) -> None:
        self._flush_due = False
        self._flush()
        self.repeatable = None
        self._repeatable_data = b""

    def send_message(self, stream: int, kind: int, whole: str | bytes, data: bytes) -> None:
        """Send a whole WebSocket message, of which one turn may have thousands: a broadcast waits for nothing.

        They leave a few at a time: the gateway is at work on the first while the application makes the next, and
        `paused` says soon when it has enough.

        whole: what the application has sent, not mutable; data: the same on the wire.
        """
        size = len(data)
        self.send(pack_header(FRAME_HEADER_BYTES + size, stream, kind, 0, 0, 0) + data)
        self.repeatable = whole
        self.repeatable_cost = size + MESSAGE_COST_BYTES
        self._repeatable_kind = TEXT_TO_MANY if kind == TEXT else BINARY_TO_MANY
        self._repeatable_data = data
        if len(self._out) >= MESSAGES_GATHERED_MAX:
            self._flush()

    def repeat_message(self, stream: int) -> None:
        """Send `repeatable` once more: a message to all is encoded, carried and framed once, however many get it."""
        repeats = self._repeats
        repeats.append(stream)
        if len(repeats) >= REPEATS_MAX:
            self._flush()

    def _settle_repeats(self) -> None:
        self._out.append(pack_to_many(self._repeatable_kind, self._repeats, self._repeatable_data))
        self._repeats = []

    def _flush(self) -> None:
        if self._repeats:
            self._settle_repeats()
        out = self._out
        if out:
            self._out = []
            if not self.lost:
                self._transport.write(out[0] if len(out) == 1 else b"".join(out))

    async def drain(self) -> None:
        """Wait until the gateway takes what has been sent."""
        while self.paused:
            waiter = self._loop.create_future()
            self._drained.append(waiter)
            await waiter

    def _wake_drained(self) -> None:
        for waiter in self._drained:
            if not waiter.done():
                waiter.set_result(None)
        self._drained.clear()

    def send_ready(self, worker: int) -> None:
        self.send(pack_plain(READY, 0, U32.pack(worker)))

    def send_leaving(self) -> None:
        self.send(pack_plain(LEAVING, 0))

    def ask_for_reports(self, *, wanted: bool) -> None:
        """Have the gateway report here what became of the worker's requests, or no more."""
        self.send(pack_plain(REPORTS, 0, U32.pack(wanted)))

    def close(self) -> None:
        """Close once everything has been sent; `lost` follows."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once, with what is on its way."""
        self._transport.abort()

    # -- for exchanges

    def started(self, stream: int) -> None:
        """Note that the application is about to be called: from here on no other worker gets the request."""
        self._entries[stream % ENTRY_COUNT] = stream
        request_count = self.service.request_count
        if request_count is not None:
            request_count.begin()

    def cancel_late(self) -> None:
        """Cancel the requests that have taken longer than request_timeout. A WebSocket may take as long as it likes."""
        latest = self._loop.time() - self.service.limit_seconds
        for exchange in list(self.exchanges.values()):
            if not isinstance(exchange, WebsocketExchange) and exchange.begun <= latest:
                exchange.time_out()

    def returned(self, task: asyncio.Task[None]) -> None:
        """The application's call is over."""
        self.tasks.discard(task)
        if not self.tasks:
            self._on_change(self)


def show_tls(scope: dict[str, Any]) -> None:
    """Move what the gateway says of TLS to its place: the ASGI TLS extension."""
    tls = scope.pop("tls", None)
    if tls is not None:
        tls["client_cert_error"] = None
        scope["extensions"]["tls"] = tls
