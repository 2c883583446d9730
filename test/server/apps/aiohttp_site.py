"""An aiohttp application, for aiohttp's worker classes; as an object, and as a factory."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from aiohttp import web


async def home(_request: web.Request) -> web.Response:
    loop = type(asyncio.get_running_loop()).__module__.partition(".")[0]
    return web.Response(text=f"{loop} {os.getpid()}\n")


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


async def stay(request: web.Request) -> web.Response:
    """Answers when the file `gate` is there; says by the file `note` that it waits."""
    Path(request.query["note"]).touch()
    while not Path(request.query["gate"]).exists():
        await asyncio.sleep(0.01)
    return web.Response(text="stayed\n")


async def hang(_request: web.Request) -> web.Response:
    """Blocks the loop: no heartbeat any more."""
    time.sleep(60)
    return web.Response()


def make_app() -> web.Application:
    application = web.Application()
    application.add_routes(
        [web.get("/", home), web.post("/echo", echo), web.get("/stay", stay), web.get("/hang", hang)]
    )
    return application


async def factory() -> web.Application:
    return make_app()


async def broken() -> web.Application:
    raise ValueError("the factory fails")


app = make_app()
