"""What the access log is told of responses."""

from __future__ import annotations

from types import SimpleNamespace

from tunicorn_worker.access_facts import describe_response, read_field_lines


def test_the_answer_of_the_application() -> None:
    said = SimpleNamespace(status="200 Fine", headers=[("Content-Length", "5"), ("X-A", " 1\t")])
    response = describe_response(200, 3, said)
    assert (response.status, response.status_code, response.sent) == ("200 Fine", 200, 3)
    assert response.headers == [("Content-Length", "5"), ("X-A", "1")]
    assert response.response_length == 5


def test_asgi_says_a_number() -> None:
    assert describe_response(204, 0, SimpleNamespace(status=204, headers=[])).status == 204


def test_another_answer_than_the_application_gave() -> None:
    """An application's exception, a client that left, a WebSocket: its fields were not sent."""
    said = SimpleNamespace(status="200 OK", headers=[("X-A", "1")])
    for code, status in [(500, "500 Internal Server Error"), (499, "499 Client Closed Request"), (101, "101")]:
        response = describe_response(code, 0, said)
        assert (response.status, response.headers, response.response_length) == (status, [], None)
    assert describe_response(500, 0, SimpleNamespace(status=None, headers=[])).status_code == 500
    assert describe_response(502, 0, None).status == "502 Bad Gateway"


def test_field_lines() -> None:
    assert read_field_lines("Content-Type: text/plain\r\nX: \r\nY:a:b \t\r\n") == [
        ("Content-Type", "text/plain"),
        ("X", ""),
        ("Y", "a:b"),
    ]
    assert read_field_lines("") == []
