"""Frames of many requests on one channel: cut anywhere, answered in one write, lost together."""

from __future__ import annotations

import asyncio
import logging
import marshal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fake_gateway import Frame, make_config, read_frame
from tunicorn_worker import wire
from tunicorn_worker.access_journal import OpenLine
from tunicorn_worker.asgi_channel import REPEATS_MAX, AsgiChannel
from tunicorn_worker.asgi_http import HttpService

SCOPE = {"method": "GET", "path": "/", "headers": [(b"host", b"h")]}


class Transport:
    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = ""

    def set_write_buffer_limits(self, high: int) -> None: ...

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.closed = "close"

    def abort(self) -> None:
        self.closed = "abort"

    def frames(self) -> list[Frame]:
        data, frames = b"".join(self.writes), []
        while data:
            read = read_frame(data)
            assert read is not None
            frame, data = read
            frames.append(frame)
        return frames


def request(stream: int, body: bytes = b"", flags: int = 0, **scope: Any) -> bytes:
    head = marshal.dumps({**SCOPE, **scope}, 0)
    size = wire.FRAME_HEADER_BYTES + len(head) + len(body)
    return wire.pack_header(size, stream, wire.REQUEST, flags, 0, len(head)) + head + body


async def turns(count: int = 6) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


class Stage:
    def __init__(self, application: Any) -> None:
        self.service = HttpService(application, make_config(), logging.getLogger("test.asgi"), {"shared": [1]})
        self.entries = memoryview(bytearray(wire.ENTRY_COUNT * wire.ENTRY_BYTES)).cast("I")
        self.changes: list[AsgiChannel] = []
        self.channel = AsgiChannel(self.service, self.entries, self.changes.append)
        self.transport = Transport()
        self.channel.connection_made(self.transport)


def play(application: Any, script: Callable[[Stage], Awaitable[None]]) -> Stage:
    async def run() -> Stage:
        stage = Stage(application)
        await script(stage)
        return stage

    return asyncio.run(run())


async def answer(scope: Any, receive: Any, send: Any) -> None:
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode() + message["body"]})


def test_answers_of_one_turn_leave_in_one_write() -> None:
    async def script(stage: Stage) -> None:
        stage.channel.data_received(request(1, path="/a") + request(2, b"!", path="/b") + request(3, path="/c"))
        await turns()
        assert not stage.channel.tasks and not stage.channel.exchanges

    stage = play(answer, script)
    assert len(stage.transport.writes) == 1
    assert [(frame.stream, frame.body) for frame in stage.transport.frames()] == [(1, b"/a"), (2, b"/b!"), (3, b"/c")]
    assert [stage.entries[stream] for stream in (1, 2, 3, 4)] == [1, 2, 3, 0]
    assert stage.changes == [stage.channel]


@pytest.mark.parametrize("piece", [1, 7, 100])
def test_frames_may_come_in_pieces(piece: int) -> None:
    data = request(1, path="/a") + request(70_000, b"body", path="/b")

    async def script(stage: Stage) -> None:
        for at in range(0, len(data), piece):
            stage.channel.data_received(data[at : at + piece])
        await turns()

    stage = play(answer, script)
    assert sorted(frame.body for frame in stage.transport.frames()) == [b"/a", b"/bbody"]
    assert stage.entries[70_000 % wire.ENTRY_COUNT] == 70_000


@pytest.mark.parametrize(("version", "method"), [("1.1", "GET"), ("2", "CONNECT")])
def test_the_access_line_of_a_websocket_has_the_method_of_its_handshake(version: str, method: str) -> None:
    lines: list[OpenLine] = []

    class Journal:
        def open(self, stream: int) -> OpenLine:
            lines.append(OpenLine())
            return lines[-1]

        def end(self, stream: int) -> None:
            assert stream == 5

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    async def script(stage: Stage) -> None:
        journal: Any = Journal()
        stage.channel.journal = journal
        scope = {"type": "websocket", "path": "/a", "raw_path": b"/a", "query_string": b"", "http_version": version}
        head = {**scope, "scheme": "ws", "headers": [], "client": ("h", 1), "server": ("h", 2), "subprotocols": []}
        data = marshal.dumps(head, 0)
        size = wire.FRAME_HEADER_BYTES + len(data)
        stage.channel.data_received(wire.pack_header(size, 5, wire.REQUEST, wire.WEBSOCKET, 0, len(data)) + data)
        await turns()

    play(application, script)
    assert [line.request.method for line in lines] == [method]


def test_a_scope_is_the_request_s_own() -> None:
    scopes: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await answer(scope, receive, send)

    async def script(stage: Stage) -> None:
        stage.channel.data_received(request(1) + request(2, flags=wire.TAKES_TRAILERS))
        await turns()

    stage = play(application, script)
    one, other = scopes
    assert one["type"] == "http" and one["asgi"] == {"version": "3.0", "spec_version": "2.4"}
    assert "http.response.trailers" in other["extensions"] and "http.response.trailers" not in one["extensions"]
    assert one["asgi"] is not other["asgi"] and one["extensions"] is not other["extensions"]
    assert one["state"] == other["state"] == stage.service.state and one["state"] is not other["state"]
    assert one["state"]["shared"] is other["state"]["shared"]


def test_a_websocket_has_a_scope_of_its_own_and_its_frames_find_it() -> None:
    scopes: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        assert await receive() == {"type": "websocket.connect"}
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({**message, "type": "websocket.send"})
        assert (message["code"], message["reason"]) == (4001, "bye")

    async def script(stage: Stage) -> None:
        receive = stage.channel.data_received
        receive(request(1, flags=wire.WEBSOCKET, subprotocols=["a"]))
        await turns()
        receive(wire.pack_plain(wire.WEBSOCKET_TEXT, 1, b"hi") + wire.pack_plain(wire.WEBSOCKET_BINARY, 1, b"\xff"))
        header = wire.pack_header(wire.FRAME_HEADER_BYTES + 2, 1, wire.WEBSOCKET_TEXT, wire.MESSAGE_GOES_ON, 0, 0)
        receive(header + b"in" + wire.pack_plain(wire.WEBSOCKET_TEXT, 1, b" two"))
        receive(wire.pack_plain(wire.WEBSOCKET_CLOSED, 1, wire.U16.pack(4001) + b"bye"))
        # Nobody's any more.
        receive(wire.pack_plain(wire.WEBSOCKET_TEXT, 1, b"late") + wire.pack_plain(wire.WEBSOCKET_CLOSED, 1, b"12"))
        await turns()
        assert not stage.channel.tasks and not stage.channel.exchanges

    stage = play(application, script)
    [scope] = scopes
    assert scope["type"] == "websocket" and scope["subprotocols"] == ["a"]
    assert scope["extensions"] == {"websocket.http.response": {}}
    assert scope["state"] == stage.service.state and scope["state"] is not stage.service.state
    # It was closed before the application had answered: its answers are nobody's.
    assert [frame.kind for frame in stage.transport.frames()] == [wire.ACCEPT, wire.END]


def test_messages_of_one_turn_leave_a_few_at_a_time_and_stop_when_the_gateway_has_enough() -> None:
    sent = 0

    async def application(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await send({"type": "websocket.accept"})
        for number in range(100):
            await send({"type": "websocket.send", "text": f"to one of many: {number}"})
            sent += 1

    async def script(stage: Stage) -> None:
        written = stage.transport.writes.append

        def write(data: bytes) -> None:
            written(data)
            if len(stage.transport.writes) == 3:
                stage.channel.pause_writing()

        stage.transport.write = write  # type: ignore[method-assign]
        stage.channel.data_received(request(1, flags=wire.WEBSOCKET))
        await turns()
        assert 0 < sent < 60, "it waits for the gateway, in the middle of its turn"
        stage.channel.resume_writing()
        await turns()
        assert sent == 100

    stage = play(application, script)
    assert len([frame for frame in stage.transport.frames() if frame.kind == wire.TEXT]) == 100
    assert len(stage.transport.writes) < 10


def told(frames: list[Frame]) -> list[tuple[int, int, bytes]]:
    """What a gateway makes of them: (stream, kind, body), one for each WebSocket that gets a message."""
    alone = {wire.TEXT_TO_MANY: wire.TEXT, wire.BINARY_TO_MANY: wire.BINARY}
    seen = []
    for frame in frames:
        streams = [stream for (stream,) in wire.U32.iter_unpack(frame.head)] if frame.kind in alone else [frame.stream]
        seen += [(stream, alone.get(frame.kind, frame.kind), frame.body) for stream in streams]
    return seen


def test_a_broadcast_is_carried_once() -> None:
    listeners: list[Any] = []
    frames: list[Frame] = []
    messages: list[dict[str, Any]] = [{"text": "one"}, {"bytes": b"two"}, {"text": "one"}]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        listeners.append(send)
        await receive()
        await receive()
        for message in messages:
            for listener in listeners:
                await listener({"type": "websocket.send", **message})
        await send({"type": "websocket.send", "text": "own"})
        await listeners[1]({"type": "websocket.close"})

    async def script(stage: Stage) -> None:
        stage.channel.data_received(b"".join(request(stream, flags=wire.WEBSOCKET) for stream in (1, 2, 3)))
        await turns()
        stage.transport.writes.clear()
        stage.channel.data_received(wire.pack_plain(wire.WEBSOCKET_TEXT, 1, b"go"))
        await turns()
        assert len(stage.transport.writes) == 1
        frames.extend(stage.transport.frames())

    play(application, script)
    assert [frame.kind for frame in frames if frame.stream == 0] == [
        wire.TEXT_TO_MANY,
        wire.BINARY_TO_MANY,
        wire.TEXT_TO_MANY,
    ]
    kinds = [(wire.TEXT, b"one"), (wire.BINARY, b"two"), (wire.TEXT, b"one")]
    expected = [(stream, *message) for message in kinds for stream in (1, 2, 3)]
    # Stream 1's task has returned: its WebSocket is closed too, behind all.
    assert told(frames)[: len(expected) + 1] == [*expected, (1, wire.TEXT, b"own")]
    assert [(stream, kind) for stream, kind, _ in told(frames)[len(expected) + 1 :]] == [
        (2, wire.CLOSE),
        (1, wire.CLOSE),
    ]


def test_a_broadcast_to_very_many_leaves_a_few_at_a_time_and_waits_for_the_gateway() -> None:
    sent = 0

    async def application(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await send({"type": "websocket.accept"})
        text = "to all"
        for _ in range(200):
            await send({"type": "websocket.send", "text": text})
            sent += 1

    async def script(stage: Stage) -> None:
        written = stage.transport.writes.append

        def write(data: bytes) -> None:
            written(data)
            stage.channel.pause_writing()

        stage.transport.write = write  # type: ignore[method-assign]
        stage.channel.data_received(request(1, flags=wire.WEBSOCKET))
        await turns()
        assert sent == REPEATS_MAX, "it waits for the gateway, in the middle of its turn"
        while sent < 200:
            stage.channel.resume_writing()
            await turns()

    stage = play(application, script)
    assert [message for message in told(stage.transport.frames()) if message[1] == wire.TEXT] == [
        (1, wire.TEXT, b"to all")
    ] * 200
    assert stage.channel.repeatable is None, "the application's object is not kept"


def test_the_channel_s_end_is_every_websocket_s() -> None:
    codes = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await receive()
        codes.append((await receive())["code"])

    async def script(stage: Stage) -> None:
        stage.channel.data_received(request(1, flags=wire.WEBSOCKET) + request(2, flags=wire.WEBSOCKET))
        await turns()
        stage.channel.connection_lost(None)
        await turns()
        assert not stage.channel.tasks

    play(application, script)
    assert codes == [1006, 1006]


def test_the_body_s_frames_find_their_request() -> None:
    async def script(stage: Stage) -> None:
        receive = stage.channel.data_received
        receive(request(1, flags=wire.BODY_FOLLOWS, path="/a") + request(2, flags=wire.BODY_FOLLOWS, path="/b"))
        await turns()
        receive(wire.pack_plain(wire.REQUEST_BODY, 2, b"two") + wire.pack_plain(wire.REQUEST_BODY, 1, b"one"))
        receive(wire.pack_plain(wire.REQUEST_BODY_END, 1) + wire.pack_plain(wire.REQUEST_BODY_END, 2))
        # Of a stream that is over, and of one that never was: they crossed our last frame.
        receive(wire.pack_plain(wire.RESPONSE_CREDIT, 99, wire.U32.pack(1)) + wire.pack_plain(wire.CANCEL, 98))
        await turns()

    frames = [frame for frame in play(answer, script).transport.frames() if frame.kind == wire.RESPONSE]
    assert {frame.stream: frame.body for frame in frames} == {1: b"/aone", 2: b"/btwo"}


def test_ping_and_stop() -> None:
    async def script(stage: Stage) -> None:
        stage.channel.data_received(wire.pack_plain(wire.PING, 0) + wire.pack_plain(wire.STOP, 0))
        await turns()
        assert stage.channel.released

    stage = play(answer, script)
    assert [frame.kind for frame in stage.transport.frames()] == [wire.PONG]
    assert stage.changes


@pytest.mark.parametrize(
    "data",
    [
        wire.pack_header(3, 0, wire.PING, 0, 0, 0),
        wire.pack_header(wire.FRAME_BYTES_MAX + 1, 0, wire.PING, 0, 0, 0),
        wire.pack_plain(99, 0),
        request(1) + wire.pack_plain(99, 1),
    ],
)
def test_bytes_that_are_no_frame_end_the_channel(data: bytes) -> None:
    async def script(stage: Stage) -> None:
        stage.channel.data_received(data)
        assert stage.channel.fault is not None and stage.transport.closed == "abort"
        stage.channel.connection_lost(None)
        await turns()

    play(answer, script)


def test_the_channel_s_end_is_every_client_s() -> None:
    seen = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        seen.append((await receive())["type"])
        with pytest.raises(OSError):
            await send({"type": "http.response.start", "status": 200})

    async def script(stage: Stage) -> None:
        stage.channel.data_received(request(1) + request(2))
        await turns()
        stage.channel.connection_lost(None)
        await turns()
        assert stage.channel.lost and not stage.channel.tasks

    stage = play(application, script)
    assert seen == ["http.disconnect"] * 2
    assert stage.transport.writes == []


def test_drain_waits_until_the_gateway_takes_more() -> None:
    async def script(stage: Stage) -> None:
        channel = stage.channel
        channel.pause_writing()
        waiting = asyncio.create_task(channel.drain())
        await turns()
        assert not waiting.done()
        channel.resume_writing()
        await waiting
        await channel.drain()

    play(answer, script)


def test_close_sends_what_waits() -> None:
    async def script(stage: Stage) -> None:
        stage.channel.send_ready(5)
        stage.channel.send_leaving()
        stage.channel.close()

    stage = play(answer, script)
    assert [frame.kind for frame in stage.transport.frames()] == [wire.READY, wire.LEAVING]
    assert stage.transport.closed == "close"
