"""The small site of the framework tests in Falcon, as WSGI and as ASGI."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import falcon
import falcon.asgi

SOURCE = os.path.abspath(__file__)


def greet(req: Any, resp: Any) -> None:
    resp.text = f"hello {req.get_param('name', default='world')}"


def pairs_of(media: dict[str, Any]) -> list[list[str]]:
    return sorted(
        [name, value] for name, values in media.items() for value in ([values] if isinstance(values, str) else values)
    )


def describe(name: str, content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "name": name, "sha256": hashlib.sha256(content).hexdigest()}


def count_visit(req: Any, resp: Any) -> None:
    visits = str(int(req.cookies.get("visits", "0")) + 1)
    resp.set_cookie("visits", visits, secure=False)
    resp.text = visits


def parts() -> Iterator[bytes]:
    for number in range(5):
        yield b"part %d\n" % number


class Index:
    def on_get(self, req: Any, resp: Any) -> None:
        greet(req, resp)


class Form:
    def on_post(self, req: Any, resp: Any) -> None:
        resp.media = pairs_of(req.get_media())


class Upload:
    def on_post(self, req: Any, resp: Any) -> None:
        for part in req.get_media():
            if part.name == "file":
                resp.media = describe(part.filename, part.stream.read())


class Visit:
    def on_get(self, req: Any, resp: Any) -> None:
        count_visit(req, resp)


class Stream:
    def on_get(self, req: Any, resp: Any) -> None:
        resp.content_type = "text/plain"
        resp.stream = parts()


class File:
    def on_get(self, req: Any, resp: Any) -> None:
        resp.content_type = "text/x-python"
        # Sent by wsgi.file_wrapper.
        resp.set_stream(open(SOURCE, "rb"), os.path.getsize(SOURCE))  # noqa: SIM115

    on_head = on_get


class Fails:
    def on_get(self, req: Any, resp: Any) -> None:
        raise RuntimeError("as asked")


class AsyncIndex:
    async def on_get(self, req: Any, resp: Any) -> None:
        greet(req, resp)


class AsyncForm:
    async def on_post(self, req: Any, resp: Any) -> None:
        resp.media = pairs_of(await req.get_media())


class AsyncUpload:
    async def on_post(self, req: Any, resp: Any) -> None:
        async for part in await req.get_media():
            if part.name == "file":
                resp.media = describe(part.filename, await part.stream.read())


class AsyncVisit:
    async def on_get(self, req: Any, resp: Any) -> None:
        count_visit(req, resp)


class AsyncStream:
    async def on_get(self, req: Any, resp: Any) -> None:
        async def stream() -> AsyncIterator[bytes]:
            for part in parts():
                yield part

        resp.content_type = "text/plain"
        resp.stream = stream()


class AsyncFile:
    async def on_get(self, req: Any, resp: Any) -> None:
        async def stream() -> AsyncIterator[bytes]:
            with open(SOURCE, "rb") as source:
                while data := source.read(1000):
                    yield data

        resp.content_type = "text/x-python"
        resp.set_stream(stream(), os.path.getsize(SOURCE))

    on_head = on_get


class AsyncFails:
    async def on_get(self, req: Any, resp: Any) -> None:
        raise RuntimeError("as asked")


application = falcon.App()
asgi_application = falcon.asgi.App()
for path, plain, asynchronous in (
    ("/", Index, AsyncIndex),
    ("/form", Form, AsyncForm),
    ("/upload", Upload, AsyncUpload),
    ("/visit", Visit, AsyncVisit),
    ("/stream", Stream, AsyncStream),
    ("/file", File, AsyncFile),
    ("/fails", Fails, AsyncFails),
):
    application.add_route(path, plain())
    asgi_application.add_route(path, asynchronous())
