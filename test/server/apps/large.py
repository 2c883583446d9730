"""A WSGI application of large bodies: it hashes what it reads, and generates, echoes and sends files of any size."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], None]]

BLOCK_BYTES = 65536
PADDING = bytes(range(256)) * (BLOCK_BYTES // 256 - 1) + bytes(240)
"""What follows the number, 16 digits, at each block's head. The client makes the same blocks."""


def query(environ: Environ, name: str, default: str = "") -> str:
    return parse_qs(environ["QUERY_STRING"]).get(name, [default])[0]


def pieces(environ: Environ) -> Iterator[bytes]:
    """Read the request's body in pieces."""
    read = environ["wsgi.input"].read
    while piece := read(BLOCK_BYTES):
        yield piece


def hashed(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the digest of the body."""
    digest = hashlib.sha1()
    for piece in pieces(environ):
        digest.update(piece)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [digest.hexdigest().encode()]


def generated(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Yield ?blocks= numbered blocks; with ?length=1 their size is said before."""
    blocks = int(query(environ, "blocks"))
    fields = [("Content-Type", "application/octet-stream")]
    if query(environ, "length"):
        fields.append(("Content-Length", str(blocks * BLOCK_BYTES)))
    start_response("200 OK", fields)
    return (b"%016d%b" % (number, PADDING) for number in range(blocks))


def echoed(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Send back each piece as soon as it has been read."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return pieces(environ)


def file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Send the file LARGE_FILE with wsgi.file_wrapper; ?plain=1 hides its descriptor, so that it is read in blocks."""
    source: Any = open(os.environ["LARGE_FILE"], "rb")  # noqa: SIM115
    if query(environ, "plain"):
        source = Hidden(source)
    fields = [("Content-Type", "application/octet-stream")]
    if query(environ, "length"):
        fields.append(("Content-Length", str(os.path.getsize(os.environ["LARGE_FILE"]))))
    start_response("200 OK", fields)
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](source, BLOCK_BYTES)
    return wrapped


class Hidden:
    """A file without a descriptor."""

    def __init__(self, source: io.BufferedReader) -> None:
        self.read = source.read
        self.close = source.close


def hello(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return [b"hello\n"]


PATHS = {"/echo": echoed, "/file": file, "/generate": generated, "/hash": hashed}


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return PATHS.get(environ["PATH_INFO"], hello)(environ, start_response)
