"""Status and field lines of responses: checked once, then found by one dict look-up.

Applications send the same few fields with most responses; checking and encoding them anew would be a good part of what
a small response costs. A whole header block is never remembered: with one unique field that is slower than nothing.
"""

from __future__ import annotations

import re

from tunicorn_worker.errors import InvalidResponseHeader, InvalidResponseHeaderName, InvalidStatus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""RFC 9110 §5.6.2, ``token = 1*tchar``."""
FIELD_VALUE = re.compile(r"[ \t\x21-\x7e\x80-\xff]*")
"""RFC 9110 §5.5, ``*( HTAB / SP / VCHAR / obs-text )``: no CR, LF, NUL or other control, nothing beyond latin-1."""
STATUS = re.compile(r"[0-9]{3}(?: [ \t\x21-\x7e\x80-\xff]*)?")
"""RFC 9112 §4, ``status-code SP [ reason-phrase ]``. ``200`` alone is fine."""
CONTENT_LENGTH_MAX = 2**63 - 1
"""Larger than any file; fits the frame's u64 and any gateway's integer."""

DROPPED = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailers",
        "transfer-encoding",
        "upgrade",
        "server",
        "date",
    )
)
"""Fields that an application may not set, hop-by-hop ones (PEP 3333) and the gateway's own: Gunicorn's list."""

CACHED_LINES_MAX = 1024
"""When so many are known, all are forgotten: unique ids must cost neither memory nor the use of the cache."""
CACHED_VALUE_CHARACTERS_MAX = 256
"""Longer values (cookies, policies with nonces) are seldom sent twice."""
CACHED_STATUSES_MAX = 128
CACHED_STATUS_CHARACTERS_MAX = 256
"""A reason phrase may be as long as the application likes; what is kept may not."""


class Status:
    """One checked status line.

    line: ``b"200 OK"``
    code: ``200``
    bodiless: no body may follow (1xx, 204, 304: RFC 9110 §6.4.1)
    lengthless: no Content-Length either (1xx, 204: RFC 9110 §8.6)
    """

    __slots__ = ("bodiless", "code", "lengthless", "line")

    def __init__(self, text: str) -> None:
        self.line = text.encode("latin-1")
        self.code = int(text[:3])
        self.lengthless = self.code < 200 or self.code == 204
        self.bodiless = self.lengthless or self.code == 304


class ContentLength:
    """A Content-Length field: its line, and its value in bytes."""

    __slots__ = ("line", "value")

    def __init__(self, name: str, text: str) -> None:
        """Raises ValueError for anything but digits: int() would take signs, blanks and underscores; clients do not."""
        # The digits are counted first: int() refuses thousands of them with a message of its own.
        digits = text.isascii() and text.isdigit() and len(text) <= len(str(CONTENT_LENGTH_MAX))
        if not digits or int(text) > CONTENT_LENGTH_MAX:
            raise ValueError(f"Content-Length is {text!r}, not a byte count")
        self.line = f"{name}: {text}\r\n".encode("latin-1")
        self.value = int(text)

    def add_to(self, lines: list[Any], earlier: int | None) -> int:
        """Add the line to a response's lines, unless it is there already; returns the length.

        earlier: what a Content-Length before it said

        Raises ValueError for one that differs: the body's end would be a guess.
        """
        if earlier is None:
            lines.append(self.line)
        elif earlier != self.value:
            raise ValueError(f"Content-Length sent twice: {earlier} and {self.value}")
        return self.value


class CloseRequest:
    """``Connection: close``: the field is dropped, the wish is kept."""

    __slots__ = ()


def make_line(name: object, value: object) -> bytes | ContentLength | CloseRequest:
    """Check one field and build its line; ``b""`` for a field that is dropped.

    Raises TypeError when name or value is not a str, InvalidResponseHeaderName, InvalidResponseHeader, ValueError.
    """
    if not isinstance(name, str):
        raise TypeError(f"{name!r} is not a string")
    if not TOKEN.fullmatch(name):
        raise InvalidResponseHeaderName(name)
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a string")
    if not FIELD_VALUE.fullmatch(value):
        raise InvalidResponseHeader(name)
    value = value.strip(" \t")
    lower = name.lower()
    if lower == "content-length":
        return ContentLength(name, value)
    if lower in DROPPED:
        if lower == "connection" and "close" in (option.strip(" \t").lower() for option in value.split(",")):
            return CloseRequest()
        return b""
    return f"{name}: {value}\r\n".encode("latin-1")


def make_hint_lines(headers: Iterable[tuple[str | bytes, str | bytes]]) -> bytes:
    """Check the fields of an early-hints response and build its lines. Raises as `make_line`."""
    lines = []
    for name, value in headers:
        line = make_line(
            name.decode("latin-1") if isinstance(name, bytes) else name,
            value.decode("latin-1") if isinstance(value, bytes) else value,
        )
        if isinstance(line, bytes):
            lines.append(line)
    return b"".join(lines)


class FieldLines:
    """What one worker remembers of status and field lines that it has checked."""

    __slots__ = ("fields", "statuses")

    def __init__(self) -> None:
        self.statuses: dict[str, Status] = {}
        self.fields: dict[tuple[str, str], bytes | ContentLength | CloseRequest] = {}

    def status(self, text: object) -> Status:
        """Check a status line. Raises TypeError, InvalidStatus."""
        if not isinstance(text, str):
            raise TypeError(f"{text!r} is not a string")
        known = self.statuses.get(text)
        if known is None:
            if not STATUS.fullmatch(text):
                raise InvalidStatus(f"Invalid status {text!r}")
            known = Status(text)
            if len(self.statuses) < CACHED_STATUSES_MAX and len(text) <= CACHED_STATUS_CHARACTERS_MAX:
                self.statuses[text] = known
        return known

    def field(self, field: tuple[str, str]) -> bytes | ContentLength | CloseRequest:
        """Check a field that is not remembered, and remember it. Raises as `make_line`."""
        name, value = field
        line = make_line(name, value)
        # Lists of two are accepted too, as Gunicorn does, but cannot be a key.
        if type(field) is tuple and len(name) + len(value) <= CACHED_VALUE_CHARACTERS_MAX:
            if len(self.fields) >= CACHED_LINES_MAX:
                self.fields.clear()
            self.fields[field] = line
        return line


class AsgiFieldLines(FieldLines):
    """The same for ASGI: names and values are bytes (or text, as Gunicorn accepts it), a status is its number."""

    __slots__ = ("codes",)

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[int, Status] = {}

    def code(self, number: object) -> Status:
        """Check a status code that is not remembered. Raises TypeError, InvalidStatus."""
        if not isinstance(number, int):
            raise TypeError(f"{number!r} is not an int")
        if not 100 <= number <= 999:
            raise InvalidStatus(f"Invalid status {number!r}")
        # http.HTTPStatus is an int too; each number is remembered once.
        known = self.codes[int(number)] = Status(f"{number:d} {REASONS.get(number, 'Unknown')}")
        return known

    def field(self, field: Any) -> bytes | ContentLength | CloseRequest:
        name, value = field
        line = make_line(as_text(name), as_text(value))
        if type(field) is tuple and len(name) + len(value) <= CACHED_VALUE_CHARACTERS_MAX:
            if len(self.fields) >= CACHED_LINES_MAX:
                self.fields.clear()
            self.fields[field] = line
        return line


def as_text(text: object) -> object:
    return text.decode("latin-1") if isinstance(text, bytes) else text


REASONS = {
    100: "Continue",
    101: "Switching Protocols",
    103: "Early Hints",
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    206: "Partial Content",
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    304: "Not Modified",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    411: "Length Required",
    413: "Payload Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
"""Gunicorn's table for ASGI, which gives numbers only; all others are "Unknown"."""
