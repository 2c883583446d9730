"""The small site of the framework tests in Litestar, with a lifespan, a function in a thread, a background task."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import AsyncIterator
from typing import Any

from litestar import Litestar, Request, Response, get, post
from litestar.background_tasks import BackgroundTask
from litestar.datastructures import State
from litestar.response import File, Stream

done: list[str] = []


@contextlib.asynccontextmanager
async def lifespan(app: Litestar) -> AsyncIterator[None]:
    app.state.greeting = "hello"
    yield


@get("/", sync_to_thread=True, media_type="text/plain")
def index(state: State, name: str = "world") -> str:
    return f"{state.greeting} {name}"


@post("/form", status_code=200)
async def form(request: Request[Any, Any, Any]) -> list[list[str]]:
    return sorted([name, value] for name, value in (await request.form()).multi_items())


@post("/upload", status_code=200)
async def upload(request: Request[Any, Any, Any]) -> dict[str, Any]:
    file: Any = (await request.form())["file"]
    content = await file.read()
    return {"bytes": len(content), "name": file.filename, "sha256": hashlib.sha256(content).hexdigest()}


@get("/visit")
async def visit(request: Request[Any, Any, Any]) -> Response[str]:
    visits = str(int(request.cookies.get("visits", "0")) + 1)
    response = Response(visits, media_type="text/plain")
    response.set_cookie("visits", visits)
    return response


@get("/stream")
async def stream() -> Stream:
    async def parts() -> AsyncIterator[str]:
        for number in range(5):
            yield f"part {number}\n"

    return Stream(parts(), media_type="text/plain")


@get("/file")
async def file() -> File:
    return File(os.path.abspath(__file__), media_type="text/x-python", content_disposition_type="inline")


@get("/background")
async def background() -> Response[str]:
    return Response("accepted", background=BackgroundTask(done.append, "background"))


@get("/done")
async def show_done() -> list[str]:
    return done


@get("/fails")
async def fails() -> None:
    raise RuntimeError("as asked")


app = Litestar(
    [index, form, upload, visit, stream, file, background, show_done, fails], lifespan=[lifespan], openapi_config=None
)
