"""One HTTP exchange over a fake channel: messages in and out, credit, departure, cancellation, misuse."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from fake_gateway import Frame, make_config, read_frame
from tunicorn_worker import wire
from tunicorn_worker.asgi_http import HttpExchange, HttpService

STREAM = 7
START = {"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"1")]}

Script = Callable[["Peer"], Awaitable[None]]


def body(data: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


class Peer:
    """The channel of an exchange, and the gateway behind it. With `generous`, all credit comes back at once."""

    def __init__(self, application: Any, *, method: str = "GET", sent: bytes | None = b"", **config: Any) -> None:
        values = {"asgi_disconnect_grace_period": 3, **config}
        self.service = HttpService(application, make_config(**values), logging.getLogger("test.asgi"), {})
        self.exchanges: dict[int, HttpExchange] = {}
        self.paused = False
        self.frames: list[Frame] = []
        self.begun: list[int] = []
        self.over = asyncio.Event()
        self.drains = 0
        self.exchange = HttpExchange(self, STREAM, method, sent)
        self.exchanges[STREAM] = self.exchange
        self.task = self.exchange.task = asyncio.create_task(self.exchange.run(application, {"type": "http"}))

    def send(self, frame: bytes) -> None:
        read = read_frame(frame)
        assert read is not None and read[1] == b""
        self.frames.append(read[0])

    async def drain(self) -> None:
        self.drains += 1

    def started(self, stream: int) -> None:
        self.begun.append(stream)

    def returned(self, task: asyncio.Task[None]) -> None:
        self.over.set()

    @property
    def kinds(self) -> list[int]:
        return [frame.kind for frame in self.frames]

    @property
    def received(self) -> bytes:
        return b"".join(frame.body for frame in self.frames if frame.kind in (wire.RESPONSE, wire.HEAD, wire.BODY))

    async def turn(self, times: int = 5) -> None:
        """Let everything run that can."""
        for _ in range(times):
            await asyncio.sleep(0)


def play(application: Any, script: Script | None = None, **options: Any) -> Peer:
    """Run an application to its end, beside what its peer does."""

    async def run() -> Peer:
        peer = Peer(application, **options)
        if script is not None:
            await script(peer)
        await asyncio.wait_for(peer.over.wait(), 30)
        return peer

    return asyncio.run(run())


def test_a_whole_response_is_one_frame() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [(b"content-length", b"5"), ("x-text", "\u00e9"), [b"x-list", b"l"]]})
        await send(body(b"hello"))

    [frame] = play(application).frames
    assert (frame.kind, frame.stream, frame.status, frame.content_length, frame.body) == (
        wire.RESPONSE,
        STREAM,
        b"200 OK",
        5,
        b"hello",
    )
    assert frame.head == b"content-length: 5\r\nx-text: \xe9\r\nx-list: l\r\n"


def test_started_is_said_before_the_application_is_called() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b""))

    async def script(peer: Peer) -> None:
        assert peer.begun == []
        await peer.turn(1)
        assert peer.begun == [STREAM]

    assert play(application, script).exchanges == {}


def test_a_stream_waits_for_credit() -> None:
    passed = 0

    async def application(scope: Any, receive: Any, send: Any) -> None:
        nonlocal passed
        await send(START)
        for _ in range(20):
            await send(body(b"x" * 10_000, True))
            passed += 1
        await send(body(b"end"))

    async def script(peer: Peer) -> None:
        await peer.turn()
        assert len(peer.received) == wire.STREAM_WINDOW_BYTES
        stood_at = passed
        await peer.turn()
        assert passed == stood_at == wire.STREAM_WINDOW_BYTES // 10_000
        while wire.END not in peer.kinds:
            peer.exchange.add_credit(16_384)
            await peer.turn()

    peer = play(application, script)
    assert len(peer.received) == 200_003
    assert peer.kinds[0] == wire.HEAD and peer.kinds[-1] == wire.END


def test_a_slow_gateway_is_waited_for() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"x", True))
        await send(body(b"y"))

    async def script(peer: Peer) -> None:
        peer.paused = True

    assert play(application, script).drains == 2


def test_a_body_that_came_whole() -> None:
    messages = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        messages.append(await receive())
        await send(START)
        await send(body(b""))
        messages.append(await receive())

    peer = play(application, sent=b"all of it")
    assert messages == [
        {"type": "http.request", "body": b"all of it", "more_body": False},
        {"type": "http.disconnect"},
    ]
    assert peer.kinds == [wire.RESPONSE]


def test_a_body_that_streams_is_asked_for() -> None:
    messages = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while not messages or messages[-1]["more_body"]:
            messages.append(await receive())
        await send(START)
        await send(body(b""))

    async def script(peer: Peer) -> None:
        await peer.turn()
        [credit] = peer.frames
        assert (credit.kind, credit.body) == (wire.CREDIT, wire.U32.pack(wire.STREAM_WINDOW_BYTES))
        peer.exchange.add_body(b"a" * 40_000)
        await peer.turn()
        assert wire.U32.unpack(peer.frames[-1].body) == (40_000,)
        peer.exchange.add_body(b"b")
        peer.exchange.end_body(short=False)

    play(application, script, sent=None)
    assert [(len(message["body"]), message["more_body"]) for message in messages] == [(40_000, True), (1, False)]


def test_nothing_is_granted_to_a_body_that_nobody_reads() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"x"))

    assert play(application, sent=None).kinds == [wire.RESPONSE]


def test_an_empty_end_of_a_streaming_body() -> None:
    messages = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        messages.append(await receive())
        messages.append(await receive())

    async def script(peer: Peer) -> None:
        peer.exchange.add_body(b"x")
        await peer.turn()
        peer.exchange.end_body(short=False)

    play(application, script, sent=None)
    assert [message["more_body"] for message in messages] == [True, False]


def test_a_body_cut_short_is_a_departure() -> None:
    messages = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        messages.append(await receive())
        messages.append(await receive())

    async def script(peer: Peer) -> None:
        peer.exchange.add_body(b"x")
        peer.exchange.end_body(short=True)

    play(application, script, sent=None)
    assert [message["type"] for message in messages] == ["http.request", "http.disconnect"]


def test_departure_wakes_receive_and_makes_send_raise() -> None:
    seen: list[object] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(START)
        await send(body(b"first", True))
        seen.append((await receive())["type"])
        try:
            await send(body(b"second"))
        except OSError as error:
            seen.append(error)
            raise

    async def script(peer: Peer) -> None:
        await peer.turn()
        peer.exchange.client_left()

    peer = play(application, script)
    assert seen[0] == "http.disconnect" and isinstance(seen[1], BrokenPipeError)
    assert peer.kinds == [wire.HEAD, wire.ABORT]


def test_departure_ends_a_wait_for_credit() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        with pytest.raises(OSError):
            await send(body(b"x" * 1_000_000))
        raise OSError("as frameworks do")

    async def script(peer: Peer) -> None:
        await peer.turn()
        peer.exchange.client_left()

    assert play(application, script).kinds[-1] == wire.ABORT


def test_after_a_fin_the_answer_still_goes_out() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"
        await send(START)
        await send(body(b"still"))

    async def script(peer: Peer) -> None:
        peer.exchange.client_fin()

    assert play(application, script).received == b"still"


@pytest.mark.parametrize("grace", [0, 0.01])
def test_who_lingers_after_a_departure_is_cancelled(grace: float, caplog: pytest.LogCaptureFixture) -> None:
    cancelled = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.Future()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def script(peer: Peer) -> None:
        await peer.turn()
        peer.exchange.client_left()

    caplog.set_level(logging.DEBUG)
    assert play(application, script, asgi_disconnect_grace_period=grace).kinds == [wire.ABORT]
    assert cancelled and "Request cancelled (client disconnected)" in caplog.text
    assert "Error in ASGI application" not in caplog.text


def test_a_cancellation_that_comes_before_the_first_step_is_answered_too() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Future()

    async def script(peer: Peer) -> None:
        peer.exchange.client_fin()

    frames = play(application, script, asgi_disconnect_grace_period=0).frames
    assert [frame.status for frame in frames] == [b"500 Internal Server Error"]


def test_whoever_has_left_before_is_not_served() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("called")

    async def script(peer: Peer) -> None:
        peer.exchange.client_left()

    peer = play(application, script)
    assert (peer.begun, peer.kinds) == ([], [wire.ABORT])


def test_no_timer_outlives_the_response() -> None:
    finished = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"x"))
        await asyncio.sleep(0.05)
        finished.append(True)

    async def script(peer: Peer) -> None:
        await peer.turn()
        peer.exchange.client_fin()

    play(application, script, asgi_disconnect_grace_period=30)
    assert finished


def test_several_tasks_wait_and_one_is_cancelled() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        watchers = [asyncio.create_task(receive()) for _ in range(3)]
        await asyncio.sleep(0)
        watchers[1].cancel()
        await send(START)
        await send(body(b"x"))
        results = await asyncio.gather(*watchers, return_exceptions=True)
        assert [isinstance(result, asyncio.CancelledError) for result in results] == [False, True, False]

    assert play(application).kinds == [wire.RESPONSE]


variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def test_context_variables_stay_in_their_request() -> None:
    seen = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(variable.get())
        variable.set("mine")
        await send(START)
        await send(body(b""))
        seen.append(variable.get())

    async def twice() -> None:
        for _ in range(2):
            peer = Peer(application)
            await peer.over.wait()

    asyncio.run(twice())
    assert seen == ["unset", "mine", "unset", "mine"]


MISUSES: list[tuple[list[dict[str, Any]], type[BaseException], str]] = [
    ([body(b"x")], RuntimeError, "Response not started"),
    ([START, START], RuntimeError, "Response already started"),
    ([START, body(b"x"), body(b"y")], RuntimeError, "Response already complete"),
    ([{**START, "status": "200"}], TypeError, "not an int"),
    ([{**START, "status": 99}], ValueError, "Invalid status"),
    ([{**START, "headers": [(b"x", b"a\r\nb")]}], ValueError, "Invalid response header"),
    ([{**START, "headers": [(b"x y", b"a")]}], ValueError, "Invalid response header name"),
    ([{**START, "headers": [(b"content-length", b"-1")]}], ValueError, "not a byte count"),
    ([{**START, "headers": [(b"content-length", b"1"), (b"content-length", b"2")]}], ValueError, "sent twice"),
    ([START, body("text")], TypeError, "string argument"),  # type: ignore[arg-type]
    ([START, {"type": "http.response.informational", "status": 103}], RuntimeError, "after response start"),
    ([{"type": "http.response.informational", "status": 200}], ValueError, "no informational status"),
    ([START, {"type": "http.response.trailers", "headers": []}], RuntimeError, "Trailers before the end"),
    ([{"type": "http.response.pathsend", "path": "/x"}], RuntimeError, "Response not started"),
]


@pytest.mark.parametrize(("messages", "kind", "text"), MISUSES)
def test_misuse_raises_from_send(messages: list[dict[str, Any]], kind: type[BaseException], text: str) -> None:
    raised = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        try:
            for message in messages:
                await send(message)
        except BaseException as error:
            raised.append(error)
            raise

    frames = play(application).frames
    [error] = raised
    assert isinstance(error, kind) and text in str(error)
    complete = body(b"x") in messages and START in messages
    assert [frame.status for frame in frames] == [b"200 OK" if complete else b"500 Internal Server Error"]


ENDS: list[tuple[list[dict[str, Any]], list[int], str]] = [
    ([], [wire.RESPONSE], "without sending a response"),
    ([START], [wire.RESPONSE], "without completing the response; closing the connection"),
    ([START, body(b"half", True)], [wire.HEAD, wire.ABORT], "without completing the response"),
    ([{**START, "headers": [(b"content-length", b"9")]}, body(b"x")], [wire.HEAD, wire.ABORT], "shorter than"),
]


@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize(("messages", "kinds", "text"), ENDS)
def test_unfinished_responses(
    messages: list[dict[str, Any]], kinds: list[int], text: str, raises: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)
        if raises:
            raise ValueError("the application's own")

    peer = play(application)
    assert peer.kinds == kinds
    assert ("the application's own" if raises else text) in caplog.text
    if kinds == [wire.RESPONSE]:
        assert (peer.frames[0].status, peer.received) == (b"500 Internal Server Error", b"Internal Server Error")


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_no_body_where_none_may_be(method: str, status: int, caplog: pytest.LogCaptureFixture) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "status": status, "headers": [(b"content-length", b"4")]})
        await send(body(b"four"))

    [frame] = play(application, method=method).frames
    assert (frame.kind, frame.body) == (wire.RESPONSE, b"")
    assert frame.content_length == (None if status == 204 else 4)
    assert f"ASGI app sent body bytes on a no-body response (method={method} status={status})" in caplog.text


def test_a_body_is_cut_at_its_length_and_copied() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [(b"content-length", b"3")]})
        buffer = bytearray(b"ab")
        await send(body(buffer, True))  # type: ignore[arg-type]
        buffer[:] = b"XX"
        await send(body(memoryview(b"cdef")))  # type: ignore[arg-type]

    assert play(application).received == b"abc"


def test_connection_close_and_hop_by_hop_fields() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [(b"connection", b"close"), (b"transfer-encoding", b"chunked"), (b"a", b"b")]})
        await send(body(b"x"))

    [frame] = play(application).frames
    assert (frame.flags & wire.WANTS_CLOSE, frame.head) == (wire.WANTS_CLOSE, b"a: b\r\n")


def test_hints() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.informational", "status": 103, "headers": [("link", b"</a>")]})
        await send({"type": "http.response.early_hint", "links": [b"</b>", b"</c>"]})
        await send(START)
        await send(body(b"x"))

    frames = play(application).frames
    assert [(frame.kind, frame.head) for frame in frames[:2]] == [
        (wire.HINTS, b"link: </a>\r\n"),
        (wire.HINTS, b"link: </b>\r\nlink: </c>\r\n"),
    ]


def test_trailers_are_collected() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "trailers": True})
        await send(body(b"x"))
        await send({"type": "http.response.trailers", "headers": [(b"a", b"1")], "more_trailers": True})
        await send({"type": "http.response.trailers", "headers": [(b"b", b"2"), (b"content-length", b"9")]})

    peer = play(application)
    assert (peer.kinds, peer.frames[-1].head) == ([wire.HEAD, wire.END], b"a: 1\r\nb: 2\r\n")


@pytest.mark.parametrize("taken", [True, False])
def test_pathsend(taken: bool, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"f" * 100_000)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.pathsend", "path": str(path)})
        with pytest.raises(RuntimeError, match="already complete"):
            await send(body(b""))

    async def script(peer: Peer) -> None:
        while wire.FILE not in peer.kinds:
            await peer.turn()
        _, _, offset, size = wire.FILE_REGION.unpack_from(peer.frames[-1].body)
        assert (offset, size) == (0, 100_000)
        peer.exchange.answer_file(taken=taken)
        while not peer.over.is_set():
            peer.exchange.add_credit(65_536)
            await asyncio.sleep(0.001)

    peer = play(application, script)
    if taken:
        assert peer.kinds == [wire.HEAD, wire.FILE]
    else:
        assert peer.received == path.read_bytes() and peer.kinds[-1] == wire.END


def test_pathsend_of_what_is_no_file(tmp_path: Path) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.pathsend", "path": str(tmp_path)})

    assert [frame.status for frame in play(application).frames] == [b"500 Internal Server Error"]


def test_system_exit_is_a_failure_like_any_other_but_not_that_of_a_timeout() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise SystemExit(3)

    assert [frame.status for frame in play(application).frames] == [b"500 Internal Server Error"]

    async def abort() -> None:
        peer = Peer(application)
        await peer.over.wait()
        peer.service.aborted = True
        other = HttpExchange(peer, STREAM + 1, "GET", b"")
        other.task = peer.task
        # Stepped by hand: a SystemExit that leaves a task ends the test's own loop.
        with pytest.raises(SystemExit):
            other.run(application, {}).send(None)

    asyncio.run(abort())


def test_a_failure_behind_the_response_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"x"))
        raise ValueError("in the background")

    assert play(application).kinds == [wire.RESPONSE]
    assert "in the background" in caplog.text
