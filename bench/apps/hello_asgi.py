"""The smallest ASGI application: what is measured is the server. ``/wait`` answers after 10 ms."""

from __future__ import annotations

import asyncio
from typing import Any

BODY = b"Hello, World!"
START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(BODY))],
}
END = {"type": "http.response.body", "body": BODY}
WAIT_SECONDS = 0.01


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer every request with the same 13 bytes."""
    if scope["type"] != "http":
        return
    await send(START)
    await send(END)


async def waiting(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The same after 10 ms, as if a database were asked."""
    if scope["type"] != "http":
        return
    await asyncio.sleep(WAIT_SECONDS)
    await application(scope, receive, send)
