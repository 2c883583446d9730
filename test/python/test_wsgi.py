"""What a WSGI application does, and the frames that come of it (PEP 3333 and Gunicorn's rules)."""

from __future__ import annotations

import io
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.validate import validator

import pytest

from fake_gateway import FakeGateway, Frame, keep_nothing, make_config, make_environ
from tunicorn_worker import wire
from tunicorn_worker.body import ChannelBody, InlineBody
from tunicorn_worker.channel import Channel
from tunicorn_worker.environ import base_environ
from tunicorn_worker.errors import ClientGone
from tunicorn_worker.wsgi import ERROR_PAGE, WsgiCaller

STREAM = 3
GUNICORNS_PAGE = (
    b"<html>\n  <head>\n    <title>Internal Server Error</title>\n  </head>\n  <body>\n"
    b"    <h1><p>Internal Server Error</p></h1>\n    \n  </body>\n</html>\n"
)


class Exchange:
    """Calls an application in this thread; what it sent is read afterwards."""

    def __init__(self, gateway: FakeGateway) -> None:
        self.gateway = gateway
        self.channel = Channel(gateway.worker_end, keep_nothing)

    def call(self, application: Any, method: str = "GET", body: bytes = b"", **config: Any) -> list[Frame]:
        settings = make_config(**config)
        environ: dict[str, Any] = {**make_environ(method, "/x?y=1"), **base_environ(settings, multithread=False)}
        if body:
            environ["wsgi.input"] = InlineBody(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        self.channel.begin(STREAM)
        WsgiCaller(application, settings).call(self.channel, environ)
        self.channel.close()
        return self.gateway.frames()


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    gateway = FakeGateway()
    yield Exchange(gateway)
    gateway.close()


def respond(body: Any, headers: Any = (), status: str = "200 OK") -> Callable[..., Any]:
    def application(environ: Any, start_response: Any) -> Any:
        start_response(status, list(headers))
        return body

    return application


def is_error_page(frames: list[Frame]) -> bool:
    assert ERROR_PAGE == GUNICORNS_PAGE
    head = b"Content-Type: text/html\r\nContent-Length: %d\r\n" % len(GUNICORNS_PAGE)
    status = b"500 Internal Server Error"
    flags = wire.HAS_CONTENT_LENGTH | wire.WANTS_CLOSE
    return frames == [Frame(wire.RESPONSE, STREAM, flags, status, head, len(GUNICORNS_PAGE), GUNICORNS_PAGE)]


def kinds(frames: list[Frame]) -> list[int]:
    return [frame.kind for frame in frames]


@pytest.mark.parametrize("body", [[b"hello"], [b"he", b"", b"llo"], (b"hel", b"lo"), (b"hello",)])
def test_body_that_is_all_there_is_one_frame(exchange: Exchange, body: Any) -> None:
    frames = exchange.call(respond(body, [("X-A", " 1 "), ["X-B", "2"]]))
    assert frames == [Frame(wire.RESPONSE, STREAM, 0, b"200 OK", b"X-A: 1\r\nX-B: 2\r\n", None, b"hello")]


@pytest.mark.parametrize("body", [[], (), iter([])])
def test_empty_body(exchange: Exchange, body: Any) -> None:
    assert exchange.call(respond(body)) == [Frame(wire.RESPONSE, STREAM, 0, b"200 OK")]


def test_generator_leaves_as_it_yields(exchange: Exchange) -> None:
    seen = []

    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        for chunk in (b"one", b"", b"two"):
            yield chunk
            seen.append(exchange.gateway.frame() if chunk else None)

    frames = exchange.call(application)
    first, nothing, second = seen
    assert first == Frame(wire.HEAD, STREAM, 0, b"200 OK", b"", None, b"one")
    assert nothing is None
    assert second == Frame(wire.BODY, STREAM, body=b"two")
    assert kinds(frames) == [wire.END]


def test_empty_first_chunk_sends_the_head(exchange: Exchange) -> None:
    assert kinds(exchange.call(respond(iter([b"", b"x"])))) == [wire.HEAD, wire.BODY, wire.END]


def test_chunk_that_fills_the_content_length_is_one_frame(exchange: Exchange) -> None:
    frames = exchange.call(respond(iter([b"hello", b"dropped"]), [("Content-Length", "5")]))
    head = b"Content-Length: 5\r\n"
    assert frames == [Frame(wire.RESPONSE, STREAM, wire.HAS_CONTENT_LENGTH, b"200 OK", head, 5, b"hello")]


@pytest.mark.parametrize("body", [[b"hello, world"], iter([b"hel", b"lo, world", b"!"])])
def test_body_is_cut_at_its_content_length(exchange: Exchange, body: Any) -> None:
    frames = exchange.call(respond(body, [("Content-Length", "5")]))
    assert b"".join(frame.body for frame in frames) == b"hello"
    assert frames[-1].kind in (wire.RESPONSE, wire.END)


@pytest.mark.parametrize("body", [[b"hell"], iter([b"he", b"ll"]), []])
def test_body_shorter_than_its_content_length_is_cut(
    exchange: Exchange, body: Any, caplog: pytest.LogCaptureFixture
) -> None:
    frames = exchange.call(respond(body, [("Content-Length", "5")]))
    assert frames[0].content_length == 5
    assert kinds(frames)[-1] == wire.ABORT
    assert "response body is shorter than its Content-Length method=GET declared=5" in caplog.text


def test_write_callable_sends_at_once(exchange: Exchange) -> None:
    def application(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [])
        write(b"written")
        assert exchange.gateway.frame() == Frame(wire.HEAD, STREAM, 0, b"200 OK", b"", None, b"written")
        return [b"returned"]

    assert exchange.call(application) == [Frame(wire.BODY, STREAM, body=b"returned"), Frame(wire.END, STREAM)]


def test_write_after_the_request_reaches_nobody_else(exchange: Exchange) -> None:
    kept: list[Any] = []

    def application(environ: Any, start_response: Any) -> Any:
        kept.append(start_response("200 OK", []))
        return []

    exchange.call(application)
    exchange.channel.stream = STREAM + 1
    with pytest.raises(RuntimeError, match="after the request had ended"):
        kept[0](b"x")


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified")]
)
@pytest.mark.parametrize("kind", [list, iter])
def test_bytes_where_no_body_may_be(
    exchange: Exchange, method: str, status: str, kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    frames = exchange.call(respond(kind([b"x", b"y"]), [("Content-Length", "2")], status), method)
    assert kinds(frames) == [wire.RESPONSE]
    assert frames[0].body == b""
    assert frames[0].content_length == (None if status.startswith("204") else 2)
    text = f"(method={method} status={status[:3]}); dropping per RFC 9110."
    assert [record.getMessage() for record in caplog.records] == [
        f"WSGI app sent body bytes on a no-body response {text}"
    ]


def test_connection_close_is_a_flag(exchange: Exchange) -> None:
    (frame,) = exchange.call(respond([], [("Connection", "close"), ("Server", "x"), ("Date", "y"), ("A", "b")]))
    assert (frame.flags, frame.head) == (wire.WANTS_CLOSE, b"A: b\r\n")


def test_early_hints(exchange: Exchange) -> None:
    def application(environ: Any, start_response: Any) -> Any:
        environ["wsgi.early_hints"]([("Link", "</a>")])
        environ["wsgi.early_hints"]([(b"Link", b"</b>")])
        start_response("200 OK", [])(b"x")
        environ["wsgi.early_hints"]([("Link", "</late>")])
        return []

    frames = exchange.call(application)
    assert [frame.head for frame in frames if frame.kind == wire.HINTS] == [b"Link: </a>\r\n", b"Link: </b>\r\n"]
    assert frames[0].status == b"103 Early Hints"


def test_exc_info_replaces_status_and_headers(exchange: Exchange) -> None:
    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("X", "1"), ("Content-Length", "7")])
        try:
            raise ValueError("late")
        except ValueError:
            start_response("503 Sorry", [("Y", "2")], sys.exc_info())
        return [b"sorry"]

    assert exchange.call(application) == [Frame(wire.RESPONSE, STREAM, 0, b"503 Sorry", b"Y: 2\r\n", None, b"sorry")]


def test_exc_info_after_the_head_is_raised(exchange: Exchange, caplog: pytest.LogCaptureFixture) -> None:
    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"x"
        try:
            raise ValueError("too late")
        except ValueError:
            start_response("503 Sorry", [], sys.exc_info())

    assert kinds(exchange.call(application)) == [wire.HEAD, wire.ABORT]
    assert "ValueError: too late" in caplog.text


def never_started(environ: Any, start_response: Any) -> Any:
    return [b"x"]


def started_twice(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    start_response("200 OK", [])
    return [b"x"]


def exits(environ: Any, start_response: Any) -> Any:
    sys.exit(3)


def fails_in_the_first_step(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    raise KeyError("k")
    yield b"x"


@pytest.mark.parametrize(
    "application",
    [
        never_started,
        started_twice,
        exits,
        fails_in_the_first_step,
        respond(None),
        respond("text"),
        respond([b"x", "text"]),
        respond([b"x"], [("X", "a\r\nb")]),
        respond([b"x"], [("X Y", "a")]),
        respond([b"x"], [("Content-Length", "5"), ("Content-Length", "6")]),
        respond([b"x"], [("Content-Length", "five")]),
        respond([b"x"], status="OK"),
        respond([bytearray(b"x")]),
    ],
)
def test_failure_before_the_head_is_500(exchange: Exchange, application: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert is_error_page(exchange.call(application))
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("ERROR", "Error handling request GET /x?y=1")
    assert record.exc_info


def test_failure_after_the_head_is_a_cut(exchange: Exchange, caplog: pytest.LogCaptureFixture) -> None:
    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Length", "50")])
        yield b"x"
        sys.exit(1)

    assert kinds(exchange.call(application)) == [wire.HEAD, wire.ABORT]
    assert [record.getMessage() for record in caplog.records] == ["Error handling request"]


def test_item_that_is_no_bytes_after_the_head(exchange: Exchange) -> None:
    assert kinds(exchange.call(respond(iter([b"x", "y"])))) == [wire.HEAD, wire.ABORT]


OS_ERRORS = [BrokenPipeError(32, "x"), ConnectionResetError(104, "x"), FileNotFoundError(2, "x"), OSError()]


@pytest.mark.parametrize("error", OS_ERRORS, ids=repr)
@pytest.mark.parametrize("head_first", [False, True])
def test_os_errors_of_the_application_are_failures_as_others(
    exchange: Exchange, error: OSError, head_first: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def application(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [])
        if head_first:
            write(b"x")
        raise error

    frames = exchange.call(application)
    assert kinds(frames) == [wire.HEAD, wire.ABORT] if head_first else is_error_page(frames)
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.getMessage() == "Error handling request" + ("" if head_first else " GET /x?y=1")
    assert record.exc_info
    assert record.exc_info[1] is error


@pytest.mark.parametrize("gone", ["client", "gateway"])
@pytest.mark.parametrize("wraps", [False, True])
def test_a_client_that_left_is_no_error(
    exchange: Exchange, gone: str, wraps: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def application(environ: Any, start_response: Any) -> Any:
        if gone == "client":
            exchange.gateway.send(wire.CANCEL, STREAM)
        else:
            exchange.gateway.end.close()
        try:
            ChannelBody(exchange.channel).read()
        except ClientGone as error:
            if wraps:
                raise OSError(*error.args) from error  # As Django's UnreadablePostError.
            raise

    caplog.set_level(logging.DEBUG)
    exchange.channel.begin(STREAM)
    settings = make_config()
    WsgiCaller(application, settings).call(exchange.channel, dict(make_environ()))
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("DEBUG", "Ignoring EPIPE")]
    if gone == "client":
        exchange.channel.close()
        assert kinds(exchange.gateway.frames()) == [wire.CREDIT, wire.ABORT]


class Body:
    """An iterable that notes when it was closed."""

    def __init__(self, chunks: list[Any], gateway: FakeGateway | None = None) -> None:
        self.chunks = chunks
        self.gateway = gateway
        self.closed = 0
        self.last: Frame | None = None

    def __iter__(self) -> Iterator[Any]:
        return iter(self.chunks)

    def close(self) -> None:
        self.closed += 1
        if self.gateway is not None:
            self.last = self.gateway.frame()


def test_close_is_called_after_the_response_has_left(exchange: Exchange) -> None:
    body = Body([b"hello"], exchange.gateway)
    exchange.call(respond(body, [("Content-Length", "5")]))
    assert body.closed == 1
    assert body.last is not None
    assert body.last.kind == wire.RESPONSE


@pytest.mark.parametrize("chunks", [["text"], [b"x", "text"]])
def test_close_is_called_after_a_failure(exchange: Exchange, chunks: list[Any]) -> None:
    body = Body(chunks)
    exchange.call(respond(body))
    assert body.closed == 1


def test_close_is_called_when_the_client_has_left(exchange: Exchange, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    exchange.gateway.send(wire.CANCEL, STREAM)
    body = Body([b"x", b"y"])
    assert kinds(exchange.call(respond(body))) == [wire.ABORT]
    assert body.closed == 1
    assert [record.getMessage() for record in caplog.records] == ["Ignoring EPIPE"]


def test_failing_close_changes_nothing_for_the_client(exchange: Exchange, caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Body):
        def close(self) -> None:
            raise ValueError("in close")

    assert kinds(exchange.call(respond(Failing([b"x"])))) == [wire.HEAD, wire.END]
    assert "ValueError: in close" in caplog.text


@pytest.fixture
def file() -> Iterator[Any]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"0123456789")
        file.flush()
        file.seek(4)
        yield file


def respond_file(file: Any, headers: Any = ()) -> Callable[..., Any]:
    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", list(headers))
        return environ["wsgi.file_wrapper"](file, 3)

    return application


@pytest.mark.parametrize(("headers", "size"), [([], 6), ([("Content-Length", "2")], 2)])
def test_file_is_offered_from_its_offset(exchange: Exchange, file: Any, headers: Any, size: int) -> None:
    exchange.gateway.send(wire.FILE_TAKEN, STREAM)
    status = os.fstat(file.fileno())
    head, offer = exchange.call(respond_file(file, headers))
    assert (head.kind, head.body) == (wire.HEAD, b"")
    region = wire.FILE_REGION.pack(status.st_dev, status.st_ino, 4, size)
    assert offer == Frame(wire.FILE, STREAM, body=region + os.path.realpath(file.name).encode())
    assert file.closed


def test_refused_file_follows_in_blocks(exchange: Exchange, file: Any) -> None:
    exchange.gateway.send(wire.FILE_REFUSED, STREAM)
    frames = exchange.call(respond_file(file))
    assert [frame.body for frame in frames[2:]] == [b"456", b"789", b""]
    assert kinds(frames) == [wire.HEAD, wire.FILE, wire.BODY, wire.BODY, wire.END]


def test_files_that_are_not_offered(exchange: Exchange, file: Any) -> None:
    assert kinds(exchange.call(respond_file(file), sendfile=False)) == [wire.HEAD, wire.BODY, wire.END]


@pytest.mark.parametrize("kind", ["memory", "deleted", "too short"])
def test_files_that_cannot_be_offered(exchange: Exchange, file: Any, kind: str) -> None:
    headers: list[Any] = []
    if kind == "memory":
        file = io.BytesIO(b"456789")
    elif kind == "deleted":
        with tempfile.TemporaryFile() as unnamed:
            unnamed.write(b"456789")
            unnamed.seek(0)
            file = os.fdopen(os.dup(unnamed.fileno()), "rb")
    else:
        headers = [("Content-Length", "100")]
    frames = exchange.call(respond_file(file, headers))
    assert wire.FILE not in kinds(frames)
    assert b"".join(frame.body for frame in frames) == b"456789"
    assert frames[-1].kind == (wire.ABORT if kind == "too short" else wire.END)


def test_file_for_head(exchange: Exchange, file: Any) -> None:
    assert kinds(exchange.call(respond_file(file), "HEAD")) == [wire.RESPONSE]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("body", [b"", b"a=1"])
def test_strict_application_is_content(exchange: Exchange, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    def application(environ: Any, start_response: Any) -> Any:
        assert environ["wsgi.input"].read(10) == body
        environ["wsgi.errors"].write("noted\n")
        environ["wsgi.errors"].flush()
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
        return [b"ok"]

    frames = exchange.call(validator(application), "POST", body)
    assert not caplog.records
    assert [(frame.kind, frame.body) for frame in frames] == [(wire.RESPONSE, b"ok")]
