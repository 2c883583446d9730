"""One WebSocket over a fake channel: messages both ways, credit, closes from every side, denials, misuse."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fake_gateway import Frame, make_config, read_frame
from tunicorn_worker import wire
from tunicorn_worker.asgi_http import HttpService
from tunicorn_worker.asgi_websocket import WebsocketExchange, cut_reason, may_be_sent

STREAM = 9
ACCEPT = {"type": "websocket.accept"}
GRACE_SECONDS = 3600
"""Longer than any test: what is cancelled was cancelled for another reason."""

Script = Callable[["Peer"], Awaitable[None]]


class Peer:
    """The channel of a WebSocket, and the gateway behind it."""

    def __init__(self, application: Any, grace: int = GRACE_SECONDS) -> None:
        config = make_config(asgi_disconnect_grace_period=grace)
        self.service = HttpService(application, config, logging.getLogger("test.websocket"), {})
        self.exchanges: dict[int, Any] = {}
        self.paused = False
        self.repeatable: str | bytes | None = None
        self.repeatable_cost = 0
        self.repeats = 0
        self.frames: list[Frame] = []
        self.begun: list[int] = []
        self.over = asyncio.Event()
        self.drains = 0
        self.exchange = WebsocketExchange(self, STREAM)
        self.exchanges[STREAM] = self.exchange
        self.task = self.exchange.task = asyncio.create_task(self.exchange.run(application, {"type": "websocket"}))

    def send(self, frame: bytes) -> None:
        read = read_frame(frame)
        assert read is not None and read[1] == b""
        self.frames.append(read[0])

    def send_message(self, stream: int, kind: int, whole: str | bytes, data: bytes) -> None:
        assert whole.__class__ in (str, bytes), "it must not change before it is repeated"
        self.send(wire.pack_plain(kind, stream, data))
        self.repeatable, self.repeatable_cost = whole, len(data) + wire.MESSAGE_COST_BYTES

    def repeat_message(self, stream: int) -> None:
        self.repeats += 1
        last = self.frames[-1]
        self.send(wire.pack_plain(last.kind, stream, last.body))

    async def drain(self) -> None:
        self.drains += 1

    def started(self, stream: int) -> None:
        self.begun.append(stream)

    def returned(self, task: asyncio.Task[None]) -> None:
        self.over.set()

    def text(self, text: str, *, goes_on: bool = False) -> None:
        self.exchange.add_message(wire.WEBSOCKET_TEXT, text.encode(), goes_on=goes_on)

    def of(self, *kinds: int) -> list[Frame]:
        return [frame for frame in self.frames if frame.kind in kinds]

    async def turn(self, times: int = 5) -> None:
        """Let everything run that can."""
        for _ in range(times):
            await asyncio.sleep(0)


def play(application: Any, script: Script | None = None, **options: Any) -> Peer:
    """Run an application to its end, beside what its peer does."""

    async def run() -> Peer:
        peer = Peer(application, **options)
        if script is not None:
            await peer.turn()
            await script(peer)
        await asyncio.wait_for(peer.over.wait(), 30)
        return peer

    return asyncio.run(run())


def close_of(frame: Frame) -> tuple[int, bytes]:
    assert frame.kind == wire.CLOSE
    return wire.U16.unpack_from(frame.body)[0], frame.body[wire.U16.size :]


async def accept(receive: Any, send: Any) -> None:
    assert await receive() == {"type": "websocket.connect"}
    await send(ACCEPT)


def test_accept_messages_and_the_clients_close() -> None:
    seen: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        assert await receive() == {"type": "websocket.connect"}
        await send({**ACCEPT, "subprotocol": "chat", "headers": [(b"x-a", b"1"), (b"Connection", b"x")]})
        while not seen or seen[-1]["type"] != "websocket.disconnect":
            seen.append(await receive())
        seen.append(await receive())

    async def script(peer: Peer) -> None:
        peer.text("grüß", goes_on=False)
        peer.exchange.add_message(wire.WEBSOCKET_BINARY, b"\0\xff", goes_on=False)
        peer.text("in ", goes_on=True)
        peer.text("two pieces")
        peer.exchange.closed(4002, b"enough")

    peer = play(application, script)
    disconnect = {"type": "websocket.disconnect", "code": 4002, "reason": "enough"}
    assert seen == [
        {"type": "websocket.receive", "text": "grüß"},
        {"type": "websocket.receive", "bytes": b"\0\xff"},
        {"type": "websocket.receive", "text": "in two pieces"},
        disconnect,
        disconnect,
    ]
    assert [frame.kind for frame in peer.frames] == [wire.ACCEPT, wire.END]
    assert peer.frames[0].head == b"Sec-WebSocket-Protocol: chat\r\nx-a: 1\r\n"
    assert (peer.begun, peer.exchanges) == ([STREAM], {})


def test_send_text_bytes_and_what_is_like_bytes() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await accept(receive, send)
        await send({"type": "websocket.send", "text": "é", "bytes": b"text wins"})
        await send({"type": "websocket.send", "text": None, "bytes": bytearray(b"a")})
        await send({"type": "websocket.send", "bytes": b""})
        await send({"type": "websocket.send"})
        await send({"type": "websocket.unknown"})
        await send({"type": "websocket.close", "code": 1001, "reason": "gone"})

    frames = play(application).frames[1:]
    assert [(frame.kind, frame.body) for frame in frames[:3]] == [
        (wire.TEXT, "é".encode()),
        (wire.BINARY, b"a"),
        (wire.BINARY, b""),
    ]
    assert [close_of(frame) for frame in frames[3:]] == [(1001, b"gone")]


def test_send_waits_for_credit_and_no_message_is_cut_in_between() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await accept(receive, send)
        large = 200_000
        senders = (send({"type": "websocket.send", "text": letter * large}) for letter in "ab")
        await asyncio.gather(*senders, send({"type": "websocket.send", "text": "c"}))
        await send({"type": "websocket.close"})

    async def script(peer: Peer) -> None:
        await peer.turn(20)
        assert len(peer.of(wire.TEXT)) == 1, "one window, and no more without credit"
        while not peer.of(wire.CLOSE):
            peer.exchange.add_credit(wire.STREAM_WINDOW_BYTES)
            await peer.turn(20)

    frames = play(application, script).of(wire.TEXT)
    messages, pieces = [], []
    for frame in frames:
        assert len(frame.body) <= wire.FRAME_BODY_BYTES_MAX
        pieces.append(frame.body)
        if not frame.flags & wire.MESSAGE_GOES_ON:
            messages.append(b"".join(pieces))
            pieces = []
    assert [(message[:1], len(message)) for message in messages] == [(b"a", 200_000), (b"b", 200_000), (b"c", 1)]


def test_empty_messages_use_the_window_up_too() -> None:
    sent = 0

    async def application(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await accept(receive, send)
        while True:
            await send({"type": "websocket.send", "bytes": b""})
            sent += 1

    async def script(peer: Peer) -> None:
        await peer.turn()
        assert sent == wire.STREAM_WINDOW_BYTES // wire.MESSAGE_COST_BYTES
        peer.exchange.closed(1006, b"")

    play(application, script)


def test_only_the_very_same_object_is_repeated() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await accept(receive, send)
        text, data, changing = "te xt", b"da ta", bytearray(b"1")
        for message in ({"text": text}, {"text": text}, {"text": "".join(text)}, {"bytes": data}, {"bytes": data}):
            await send({"type": "websocket.send", **message})
        for digit in b"23":
            await send({"type": "websocket.send", "bytes": changing})
            changing[0] = digit
        await send({"type": "websocket.close"})

    peer = play(application)
    assert peer.repeats == 2, "a string of the same letters is another one"
    bodies = [frame.body for frame in peer.of(wire.TEXT, wire.BINARY)]
    assert bodies == [b"te xt", b"te xt", b"te xt", b"da ta", b"da ta", b"1", b"2"]


def test_a_repeated_message_waits_for_credit_and_for_pieces_like_any_other() -> None:
    text, large = "x" * 1000, "y" * (wire.FRAME_BODY_BYTES_MAX + 1)
    sent = 0

    async def application(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await accept(receive, send)
        while sent < 100:
            await send({"type": "websocket.send", "text": text})
            sent += 1
        await asyncio.gather(*(send({"type": "websocket.send", "text": message}) for message in (large, text)))
        await send({"type": "websocket.close"})

    async def script(peer: Peer) -> None:
        await peer.turn()
        assert sent == -(-wire.STREAM_WINDOW_BYTES // (1000 + wire.MESSAGE_COST_BYTES))
        while not peer.of(wire.CLOSE):
            peer.exchange.add_credit(wire.STREAM_WINDOW_BYTES // 2)
            await peer.turn(20)

    peer = play(application, script)
    assert peer.repeats > 50
    data = b"".join(frame.body for frame in peer.of(wire.TEXT))
    assert data == (text * 100 + large + text).encode()


def test_credit_is_given_as_the_application_receives() -> None:
    go_on = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await accept(receive, send)
        await go_on.wait()
        for _ in range(4):
            await receive()

    async def script(peer: Peer) -> None:
        size = wire.STREAM_WINDOW_BYTES // 4
        for _ in range(4):
            peer.exchange.add_message(wire.WEBSOCKET_BINARY, b"x" * size, goes_on=False)
        await peer.turn()
        assert peer.of(wire.CREDIT) == []
        go_on.set()
        await peer.turn()
        grants = [wire.U32.unpack(frame.body)[0] for frame in peer.of(wire.CREDIT)]
        assert grants == [2 * (size + wire.MESSAGE_COST_BYTES)] * 2

    play(application, script)


@pytest.mark.parametrize(("fails", "status"), [(False, b"403 Forbidden"), (True, b"500 Internal Server Error")])
def test_an_application_that_never_answers_the_handshake(fails: bool, status: bytes) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        if fails:
            raise ValueError("this application fails")

    [frame] = play(application).frames
    assert (frame.kind, frame.status, frame.content_length, frame.body) == (wire.RESPONSE, status, 0, b"")


@pytest.mark.parametrize("fails", [False, True])
def test_an_application_that_ends_without_a_close(fails: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await accept(receive, send)
        if fails:
            raise ValueError("this application fails")

    assert close_of(play(application).frames[-1]) == (1011, b"Application error")
    assert ("Error in WebSocket ASGI application" in caplog.text) is fails


def test_its_own_close_is_what_it_then_receives() -> None:
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await accept(receive, send)
        await send({"type": "websocket.close", "code": 4001, "reason": "bye"})
        seen.append(await receive())
        for message in ({"type": "websocket.send", "text": "late"}, {"type": "websocket.close"}, ACCEPT):
            with pytest.raises(OSError) as caught:
                await send(message)
            assert isinstance(caught.value, RuntimeError)

    peer = play(application)
    assert seen == [{"type": "websocket.disconnect", "code": 4001, "reason": "bye"}]
    assert [frame.kind for frame in peer.frames] == [wire.ACCEPT, wire.CLOSE]


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 70_000, "1000"])
def test_a_code_that_may_not_be_sent(code: Any) -> None:
    assert not may_be_sent(code)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await accept(receive, send)
        with pytest.raises(ValueError, match="no close code"):
            await send({"type": "websocket.close", "code": code})
        await send({"type": "websocket.close", "code": None, "reason": None})

    assert close_of(play(application).frames[-1]) == (1000, b"")


def test_a_reason_is_cut_between_characters() -> None:
    assert cut_reason("r" * 200) == b"r" * 123
    assert cut_reason("é" * 62).decode() == "é" * 61
    assert cut_reason("short") == b"short"


def test_messages_out_of_order() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        for early in ({"type": "websocket.send", "text": "early"}, {"type": "websocket.send", "bytes": b""}):
            with pytest.raises(RuntimeError, match="not accepted"):
                await send(early)
        await send(ACCEPT)
        with pytest.raises(RuntimeError, match="already accepted"):
            await send(ACCEPT)
        with pytest.raises(RuntimeError, match="already accepted"):
            await send({"type": "websocket.http.response.start", "status": 403})
        await send({"type": "websocket.close"})

    assert [frame.kind for frame in play(application).frames] == [wire.ACCEPT, wire.CLOSE]


def test_headers_that_may_not_be_sent_leave_the_handshake_open() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        for field in ((b"x", b"a\r\nb: c"), (b"bad name", b"x")):
            with pytest.raises(ValueError):
                await send({**ACCEPT, "headers": [field]})
        with pytest.raises(ValueError):
            await send({**ACCEPT, "subprotocol": "a\nb"})
        await send({**ACCEPT, "headers": [("Sec-WebSocket-Accept", "x"), (b"SEC-WEBSOCKET-KEY", b"x"), ("a", "b")]})
        await send({"type": "websocket.close"})

    assert play(application).frames[0].head == b"a: b\r\n"


def test_a_denial_is_an_http_response() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        start = {"type": "websocket.http.response.start", "status": 404, "headers": [(b"x-a", b"1")]}
        await send(start)
        with pytest.raises(RuntimeError, match="already denied"):
            await send(ACCEPT)
        await send({"type": "websocket.http.response.body", "body": b"no ", "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"such thing"})
        assert (await receive())["type"] == "websocket.disconnect"

    frames = play(application).frames
    assert [frame.kind for frame in frames] == [wire.HEAD, wire.BODY, wire.END]
    assert (frames[0].status, frames[0].head, frames[0].body) == (b"404 Not Found", b"x-a: 1\r\n", b"no ")


@pytest.mark.parametrize("fails", [False, True])
def test_a_denial_that_stops(fails: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.http.response.start", "status": 404})
        if fails:
            raise ValueError("this denial fails")

    peer = play(application)
    assert [frame.status for frame in peer.frames] == [b"500 Internal Server Error"]
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1
    assert peer.exchanges == {}


def test_a_client_that_leaves_before_the_answer() -> None:
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        seen.append(await receive())
        with pytest.raises(OSError):
            await send(ACCEPT)

    async def script(peer: Peer) -> None:
        peer.exchange.client_left()

    peer = play(application, script)
    assert seen == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]
    assert [frame.kind for frame in peer.frames] == [wire.RESPONSE]


def test_a_client_that_leaves_before_the_application_is_called() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("nobody waits for it")

    async def run() -> Peer:
        peer = Peer(application)
        peer.exchange.client_left()
        await asyncio.wait_for(peer.over.wait(), 30)
        return peer

    peer = asyncio.run(run())
    assert (peer.begun, [frame.kind for frame in peer.frames]) == ([], [wire.RESPONSE])


def test_an_accept_that_crosses_the_clients_leaving() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await accept(receive, send)
        assert (await receive())["code"] == 1006

    async def script(peer: Peer) -> None:
        peer.exchange.client_left()

    assert [frame.kind for frame in play(application, script).frames] == [wire.ACCEPT, wire.END]


def test_what_does_not_end_is_cancelled_after_the_grace_period() -> None:
    cancelled = False

    async def application(scope: Any, receive: Any, send: Any) -> None:
        nonlocal cancelled
        await accept(receive, send)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled = True
            raise

    async def script(peer: Peer) -> None:
        peer.exchange.closed(1000, b"")

    play(application, script, grace=0)
    assert cancelled


def test_a_sender_that_waits_hears_that_its_client_has_gone(caplog: pytest.LogCaptureFixture) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await accept(receive, send)
        while True:
            await send({"type": "websocket.send", "bytes": b"x" * 60_000})

    async def script(peer: Peer) -> None:
        peer.exchange.closed(1006, b"")

    with caplog.at_level(logging.DEBUG, "test.websocket"):
        play(application, script)
    assert [record.getMessage() for record in caplog.records] == ["WebSocket closed while the application was sending"]


def test_send_waits_for_a_gateway_that_is_busy() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await accept(receive, send)
        await send({"type": "websocket.send", "text": "a"})

    async def run() -> Peer:
        peer = Peer(application)
        peer.paused = True
        await asyncio.wait_for(peer.over.wait(), 30)
        return peer

    assert asyncio.run(run()).drains == 1
