"""An ASGI application that writes a line for every task of its that ends: its lifespan, a background task, requests."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any


def note(text: str) -> None:
    os.write(2, f"NOTE {text}\n".encode())


async def background() -> None:
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        await asyncio.sleep(0.01)
        note("background cleaned up")
        raise


async def lifespan(receive: Any, send: Any) -> None:
    await receive()
    task = asyncio.create_task(background())
    await send({"type": "lifespan.startup.complete"})
    try:
        note((await receive())["type"])
        await send({"type": "lifespan.shutdown.complete"})
    except asyncio.CancelledError:
        await asyncio.sleep(0.01)
        note("lifespan cleaned up")
        raise
    finally:
        del task


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    note(f"request {scope['path']}")
    if scope["path"] == "/hello":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"hello"})
        return
    if scope["path"] == "/block":
        time.sleep(3600)
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        note("request cancelled")
        raise
