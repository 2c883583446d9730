"""A Starlette site: streams, background tasks, uploads, lifespan state, middleware, files."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

finished: list[str] = []


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    yield {"greeting": "hello from the lifespan"}


async def slow(request: Request) -> Response:
    await anyio.sleep(0.2)
    return PlainTextResponse("slow")


async def home(request: Request) -> Response:
    return PlainTextResponse(f"hello {request.query_params.get('name', 'world')}")


async def state(request: Request) -> Response:
    return PlainTextResponse(request.state.greeting)


async def socket(websocket: WebSocket) -> None:
    if "refuse" in websocket.query_params:
        await websocket.close(4000)
        return
    if "deny" in websocket.query_params:
        await websocket.send_denial_response(PlainTextResponse("a teapot", status_code=418))
        return
    await websocket.accept(subprotocol=websocket.scope["subprotocols"][-1])
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            message = await websocket.receive_json()
            await websocket.send_json({"n": message["n"] + 1, "greeting": websocket.state.greeting})


async def stream(request: Request) -> Response:
    async def parts() -> AsyncIterator[str]:
        for number in range(5):
            yield f"part {number}\n"
            await asyncio.sleep(0)

    return StreamingResponse(parts(), media_type="text/plain")


async def broken_stream(request: Request) -> Response:
    async def parts() -> AsyncIterator[str]:
        yield "half"
        raise ValueError("in the middle of the stream")

    return StreamingResponse(parts(), media_type="text/plain")


async def upload(request: Request) -> Response:
    digest, size = hashlib.sha256(), 0
    async for chunk in request.stream():
        digest.update(chunk)
        size += len(chunk)
    return JSONResponse([size, digest.hexdigest()])


async def form(request: Request) -> Response:
    async with request.form() as fields:
        file = fields["file"]
        data = await file.read()
        return JSONResponse([file.filename, len(data), fields["note"]])


async def background(request: Request) -> Response:
    async def work() -> None:
        await asyncio.sleep(0.05)
        finished.append(request.query_params["n"])

    return PlainTextResponse("accepted", background=BackgroundTask(work))


async def done(request: Request) -> Response:
    return JSONResponse(sorted(finished))


async def file(request: Request) -> Response:
    return FileResponse(Path(__file__))


async def fails(request: Request) -> Response:
    raise ValueError("the view fails")


async def groups(request: Request) -> Response:
    """anyio's task groups and cancel scopes inside a request."""
    results: list[int] = []

    async def add(number: int) -> None:
        await anyio.sleep(0.001 * number)
        results.append(number)

    async with anyio.create_task_group() as group:
        for number in range(3):
            group.start_soon(add, number)
    with anyio.move_on_after(0.01) as scope:
        await anyio.sleep(10)
    threaded = await anyio.to_thread.run_sync(sum, results)
    return JSONResponse([results, scope.cancelled_caught, threaded])


async def departed(request: Request) -> Response:
    """Notes in a file that its client has left while the body was read."""
    note = Path(request.query_params["note"])
    note.write_text("reading")
    try:
        await request.body()
    except ClientDisconnect:
        note.write_text("ClientDisconnect")
    return PlainTextResponse("late")


async def endless(request: Request) -> Response:
    """Streams until its client leaves, and notes in a file that its clean-up has run."""
    note = Path(request.query_params["note"])

    async def parts() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"tick\n"
                await anyio.sleep(0.01)
        finally:
            note.write_text("closed")

    return StreamingResponse(parts())


async def listening(request: Request) -> Response:
    """Works in a task group until its client has left, which cancels the work."""
    note = Path(request.query_params["note"])
    note.write_text("working")

    async def work() -> None:
        try:
            await anyio.sleep(3600)
        finally:
            note.write_text("work cancelled")

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        while not await request.is_disconnected():
            await anyio.sleep(0.01)
        group.cancel_scope.cancel()
    return PlainTextResponse("late")


async def impatient(request: Request) -> Response:
    """Gives up waiting for the body, then reads it after all: a cancelled receive loses nothing."""
    with anyio.move_on_after(0.05) as scope:
        await request.receive()
    return JSONResponse([scope.cancelled_caught, (await request.body()).decode()])


class Stamp(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["X-Stamp"] = "seen"
        return response


app = Starlette(
    routes=[
        Route("/", home),
        Route("/slow", slow),
        WebSocketRoute("/socket", socket),
        Route("/state", state),
        Route("/stream", stream),
        Route("/broken-stream", broken_stream),
        Route("/upload", upload, methods=["POST"]),
        Route("/form", form, methods=["POST"]),
        Route("/background", background),
        Route("/done", done),
        Route("/file", file),
        Route("/fails", fails),
        Route("/groups", groups),
        Route("/departed", departed, methods=["POST"]),
        Route("/endless", endless),
        Route("/listening", listening),
        Route("/impatient", impatient, methods=["POST"]),
    ],
    lifespan=lifespan,
    middleware=[Middleware(Stamp)],
)
