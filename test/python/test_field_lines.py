"""Which status and field lines may leave, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunicorn_worker.errors import InvalidResponseHeader, InvalidResponseHeaderName, InvalidStatus
from tunicorn_worker.field_lines import (
    CACHED_LINES_MAX,
    CACHED_STATUS_CHARACTERS_MAX,
    CACHED_STATUSES_MAX,
    DROPPED,
    CloseRequest,
    ContentLength,
    FieldLines,
    make_hint_lines,
    make_line,
)


@pytest.mark.parametrize("text", ["200", "200 OK", "200 ", "404 Nicht \xe9", "299 a\tb"])
def test_good_status(text: str) -> None:
    status = FieldLines().status(text)
    assert status.line == text.encode("latin-1")
    assert status.code == int(text[:3])


@pytest.mark.parametrize(
    "text", ["", "20", "2000", "200\r\n", "200 OK\r\nX: y", "200-OK", "OK", "200 \u20ac", "２００ OK"]
)
def test_bad_status(text: str) -> None:
    with pytest.raises(InvalidStatus):
        FieldLines().status(text)


@pytest.mark.parametrize("value", [200, b"200 OK", None])
def test_status_that_is_no_text(value: Any) -> None:
    with pytest.raises(TypeError, match="is not a string"):
        FieldLines().status(value)


@pytest.mark.parametrize(
    ("code", "bodiless", "lengthless"),
    [("101", True, True), ("200", False, False), ("204", True, True), ("205", False, False), ("304", True, False)],
)
def test_statuses_without_body(code: str, bodiless: bool, lengthless: bool) -> None:
    status = FieldLines().status(code)
    assert (status.bodiless, status.lengthless) == (bodiless, lengthless)


@pytest.mark.parametrize("value", ["", "a b", " \tpadded\t ", "\xe9", "a\tb"])
def test_good_field(value: str) -> None:
    assert make_line("X-Name", value) == b"X-Name: " + value.strip(" \t").encode("latin-1") + b"\r\n"


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\n", "a\r", "\0", "\x7f", "\x0b", "\u20ac"])
def test_bad_value_is_not_quoted(value: str) -> None:
    with pytest.raises(InvalidResponseHeader) as caught:
        make_line("X-Name", value)
    assert str(caught.value) == "Invalid response header from the application: 'X-Name'"


@pytest.mark.parametrize("name", ["", "X Name", "X:", "X\r\n", "N\xe4me", "(x)"])
def test_bad_name(name: str) -> None:
    with pytest.raises(InvalidResponseHeaderName):
        make_line(name, "x")


@pytest.mark.parametrize(("name", "value"), [(b"X", "x"), ("X", b"x"), ("X", 5), (None, "x"), ("X", ["x"])])
def test_fields_that_are_no_text(name: Any, value: Any) -> None:
    with pytest.raises(TypeError, match="is not a string"):
        make_line(name, value)


@given(st.text(max_size=20), st.text(max_size=20))
def test_nothing_splits_a_response(name: str, value: str) -> None:
    try:
        line = make_line(name, value)
    except (ValueError, TypeError):
        return
    if isinstance(line, bytes) and line:
        assert line.endswith(b"\r\n")
        assert not set(line[:-2]) & set(b"\r\n\0")


@pytest.mark.parametrize("name", sorted(DROPPED))
def test_dropped(name: str) -> None:
    assert make_line(name.title(), "x") == b""


def test_trailer_field_is_kept() -> None:
    assert make_line("Trailer", "X-Sum") == b"Trailer: X-Sum\r\n"


@pytest.mark.parametrize("value", ["close", "Close", "keep-alive, close", "x ,close\t"])
def test_wish_to_close(value: str) -> None:
    assert isinstance(make_line("Connection", value), CloseRequest)


@pytest.mark.parametrize("text", ["0", "5", "007", "9223372036854775807", " 5 "])
def test_content_length(text: str) -> None:
    line = make_line("content-Length", text)
    assert isinstance(line, ContentLength)
    assert (line.value, line.line) == (int(text), f"content-Length: {text.strip()}\r\n".encode())


@pytest.mark.parametrize(
    "text", ["", "+5", "-1", "1_0", "5 5", "5,5", "0x5", "\xb2", "9223372036854775808", "9" * 5000]
)
def test_bad_content_length(text: str) -> None:
    with pytest.raises(ValueError, match="Content-Length"):
        make_line("Content-Length", text)


def test_caches_are_bounded() -> None:
    known = FieldLines()
    for number in range(3 * CACHED_LINES_MAX):
        known.field(("X-Request-Id", str(number)))
        assert len(known.fields) <= CACHED_LINES_MAX
    for code in range(100, 100 + 3 * CACHED_STATUSES_MAX):
        known.status(str(code))
    assert len(known.statuses) <= CACHED_STATUSES_MAX
    known.fields.clear()
    known.field(("X", "v" * 10000))
    assert not known.fields
    known.statuses.clear()
    known.status("200 " + "x" * CACHED_STATUS_CHARACTERS_MAX)
    assert not known.statuses


def described(line: object) -> object:
    """What a checked line says, or why it was refused."""
    if isinstance(line, ContentLength):
        return line.line, line.value
    return line if isinstance(line, bytes) else type(line)


def looked_up(known: FieldLines, field: tuple[str, str]) -> object:
    """Find a field as start_response does."""
    line = known.fields.get(field)
    return known.field(field) if line is None else line


def outcome(work: Callable[[], object]) -> object:
    try:
        return work()
    except (ValueError, TypeError) as error:
        return type(error), str(error)


names = st.sampled_from(
    ["Content-Type", "content-type", "X-A", "x-a", "Content-Length", "Connection", "Date", "bad name"]
)
values = st.one_of(
    st.sampled_from(["", "1", " 1", "1 ", "01", "close", "keep-alive, close", "a\r\nb", "\xe9", "\u20ac", "x" * 300]),
    st.text(max_size=3),
    st.integers(0, 2 * CACHED_LINES_MAX).map(str),
)


@given(st.lists(st.tuples(names, values), min_size=1, max_size=60))
@settings(max_examples=200)
def test_what_is_remembered_is_what_would_be_made(fields: list[tuple[str, str]]) -> None:
    """FILLED is full, so that it is also emptied on the way."""
    for field in fields:
        fast = outcome(lambda: described(looked_up(FILLED, field)))  # noqa: B023
        assert fast == outcome(lambda: described(make_line(*field)))  # noqa: B023


@given(st.lists(st.one_of(st.sampled_from(["200 OK", "200", "304 x", "101", "20", "200 OK\r\n"]), st.text(max_size=5))))
def test_remembered_statuses_are_what_would_be_made(statuses: list[str]) -> None:
    for text in statuses:
        fast = outcome(lambda: (FILLED.statuses.get(text) or FILLED.status(text)).line)  # noqa: B023
        assert fast == outcome(lambda: FieldLines().status(text).line)  # noqa: B023


FILLED = FieldLines()
for number in range(CACHED_LINES_MAX - 1):
    FILLED.field(("X-Filler", str(number)))


def test_hints_take_bytes_too() -> None:
    assert (
        make_hint_lines([(b"Link", "</a>"), ("Link", b"</b>"), ("Connection", "x")]) == b"Link: </a>\r\nLink: </b>\r\n"
    )
