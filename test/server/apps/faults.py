"""Applications that hang, grow and die: WSGI as `app`, ASGI as `asgi`, with the same paths."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs

PATIENCE_SECONDS = 60
"""Longer than any test waits."""
BRIEF_SECONDS = 0.02
"""Long enough for a kill to find the request in the application, now and then."""
KEPT: list[bytearray] = []
MIB = 1 << 20


def value(query: str, name: str) -> str:
    return parse_qs(query).get(name, [""])[0]


def note(query: str) -> int:
    """Append a line to the file that the query names; returns how many there are."""
    path = value(query, "note")
    with open(path, "a", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    with open(path, encoding="ascii") as file:
        return len(file.readlines())


def die(query: str) -> str:
    """Die by the signal that the query names, at most so often as it says."""
    if note(query) <= int(value(query, "times") or 1000):
        os.kill(os.getpid(), getattr(signal, value(query, "signal") or "SIGKILL"))
        time.sleep(PATIENCE_SECONDS)
    return "survived\n"


def grow(query: str) -> str:
    KEPT.append(bytearray(b"x") * (int(value(query, "mib")) * MIB))
    if value(query, "stay"):
        time.sleep(PATIENCE_SECONDS)
    return f"{os.getpid()}\n"


def hang() -> None:
    """Wait in Python code, which any exception ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.01)


def wait_at(gate: str) -> None:
    """Wait until there is a file of this name."""
    while not os.path.exists(gate):
        time.sleep(0.01)


def be_stubborn() -> None:
    """Wait, whatever is raised."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            hang()
        except BaseException as error:
            print("not impressed by", type(error).__name__, file=sys.stderr, flush=True)


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    if value(query, "note") and path != "/die":
        note(query)
    text = f"{os.getpid()}\n"
    if path == "/brief":
        time.sleep(BRIEF_SECONDS)
    elif path == "/hang":
        hang()
    elif path == "/sleep":
        time.sleep(PATIENCE_SECONDS)
    elif path == "/gate":
        wait_at(value(query, "gate"))
    elif path == "/stubborn":
        be_stubborn()
    elif path == "/die":
        text = die(query)
    elif path == "/grow":
        text = grow(query)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
    if path == "/stall":
        return stall(text.encode())
    return [text.encode()]


def stall(text: bytes) -> Iterator[bytes]:
    yield text[:1]
    hang()
    yield text[1:]


async def asgi(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    path, query = scope["path"], scope["query_string"].decode()
    if value(query, "note") and path != "/die":
        note(query)
    text = f"{os.getpid()}\n"
    if path == "/brief":
        await asyncio.sleep(BRIEF_SECONDS)
    elif path in ("/hang", "/sleep"):
        await asyncio.sleep(PATIENCE_SECONDS)
    elif path == "/gate":
        while not os.path.exists(value(query, "gate")):
            await asyncio.sleep(0.01)
    elif path == "/blocking-gate":
        wait_at(value(query, "gate"))
    elif path == "/stubborn":
        be_stubborn()
    elif path == "/die":
        text = die(query)
    elif path == "/grow":
        text = grow(query)
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if path == "/stall":
        await send({"type": "http.response.body", "body": text[:1].encode(), "more_body": True})
        await asyncio.sleep(PATIENCE_SECONDS)
    await send({"type": "http.response.body", "body": text.encode()})
