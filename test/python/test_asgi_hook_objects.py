"""`req`, `environ` and `resp` of hooks under asgi workers."""

from __future__ import annotations

from typing import Any

import pytest

from tunicorn_worker.asgi_hook_objects import AsgiHookRequest, AsgiHookResponse, make_hook_environ

SCOPE: dict[str, Any] = {
    "method": "POST",
    "http_version": "1.1",
    "scheme": "http",
    "path": "/café",
    "raw_path": b"/caf%C3%A9",
    "query_string": b"a=1",
    "headers": [(b"host", b"h"), (b"content-length", b"5"), (b"x-a", b"1"), (b"x-a", b"\xe9")],
    "client": ("127.0.0.1", 51234),
}


def test_request() -> None:
    request = AsgiHookRequest(SCOPE)
    assert (request.method, request.path, request.raw_path) == ("POST", "/café", b"/caf%C3%A9")
    assert (request.uri, request.query, request.fragment) == ("/caf%C3%A9?a=1", "a=1", "")
    assert (request.version, request.scheme, request.proxy_protocol_info) == ((1, 1), "http", None)
    assert request.headers == [("HOST", "h"), ("CONTENT-LENGTH", "5"), ("X-A", "1"), ("X-A", "é")]
    assert request.headers_bytes == SCOPE["headers"]
    assert (request.content_length, request.chunked) == (5, False)
    assert (request.get_header("Host"), request.get_header("x-a"), request.get_header("none")) == ("h", "1", None)


def test_a_chunked_request_without_a_query() -> None:
    request = AsgiHookRequest({**SCOPE, "query_string": b"", "headers": [(b"transfer-encoding", b"chunked")]})
    assert (request.uri, request.content_length, request.chunked) == ("/caf%C3%A9", 0, True)


@pytest.mark.parametrize(
    ("version", "connection", "method", "closes"),
    [
        ("1.1", b"keep-alive", "GET", False),
        ("1.1", b"close", "GET", True),
        ("1.1", b"x, Close", "GET", True),
        ("1.0", b"x", "GET", True),
        ("1.0", b"keep-alive", "GET", False),
        ("2", b"", "GET", False),
        ("1.1", b"", "CONNECT", True),
    ],
)
def test_should_close(version: str, connection: bytes, method: str, closes: bool) -> None:
    headers = [(b"connection", connection)]
    request = AsgiHookRequest({**SCOPE, "http_version": version, "method": method, "headers": headers})
    assert request.should_close() is closes


def test_response() -> None:
    response = AsgiHookResponse()
    assert (response.status, response.headers, response.sent) == (500, [], 0)
    response.start(200, [(b"x-a", b"1"), ("x-text", "\xe9")])
    assert (response.status, response.headers) == (200, [("x-a", "1"), ("x-text", "\xe9")])
    response.add(3, None)
    response.add(4, 5)
    response.add(4, 5)
    assert response.sent == 5


def test_environ() -> None:
    assert make_hook_environ(AsgiHookRequest(SCOPE), SCOPE) == {
        "REQUEST_METHOD": "POST",
        "RAW_URI": "/caf%C3%A9?a=1",
        "PATH_INFO": "/café",
        "QUERY_STRING": "a=1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "h",
        "HTTP_CONTENT_LENGTH": "5",
        "HTTP_X_A": "é",
    }
    assert make_hook_environ(AsgiHookRequest(SCOPE), {**SCOPE, "client": None})["REMOTE_ADDR"] == "-"
