"""One ASGI application of many cases, by path. What it must not lose it writes into files named by the query."""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

BIG_BYTES = 3_000_000
CHUNK = b"x" * 10_000
ENDLESS_BYTES_MAX = 200_000_000
PLAIN = [(b"content-type", b"text/plain")]

current_path: contextvars.ContextVar[str] = contextvars.ContextVar("current_path", default="none")
notes: list[str] = []


def start(status: int = 200, headers: Any = (), **more: Any) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers), **more}


def body(data: bytes = b"", more_body: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more_body}


async def whole(send: Any, data: bytes, status: int = 200, headers: Any = PLAIN) -> None:
    await send(start(status, [*headers, (b"content-length", str(len(data)).encode())]))
    await send(body(data))


async def read_all(receive: Any) -> tuple[bytes, list[int], str]:
    data, pieces = b"", []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return data, pieces, "disconnect"
        data += message["body"]
        pieces.append(len(message["body"]))
        if not message["more_body"]:
            return data, pieces, "complete"


async def echo_scope(scope: Any, receive: Any, send: Any) -> None:
    shown = {name: scope[name] for name in scope if name not in ("extensions", "client", "server", "state")}
    shown["client"] = type(scope["client"]).__name__ if scope["client"] is None else scope["client"][0]
    shown["state"] = sorted(scope["state"])
    await whole(send, repr(sorted(shown.items())).encode())


async def extensions(scope: Any, receive: Any, send: Any) -> None:
    await whole(send, json.dumps([sorted(scope["extensions"]), list(scope["server"] or ())]).encode())


async def upload(scope: Any, receive: Any, send: Any) -> None:
    data, pieces, end = await read_all(receive)
    await whole(send, json.dumps([len(data), max(pieces, default=0) <= 262144, end]).encode())


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Both ways at once."""
    await send(start(200, PLAIN))
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        more = message["more_body"]
        await send(body(message["body"], more))


async def stream(scope: Any, receive: Any, send: Any) -> None:
    await send(start(200, PLAIN))
    for number in range(5):
        await send(body(b"part %d\n" % number, True))
        await asyncio.sleep(0)
    await send(body())


async def big(scope: Any, receive: Any, send: Any) -> None:
    await whole(send, b"b" * BIG_BYTES)


async def endless(scope: Any, receive: Any, send: Any) -> None:
    """Sends as long as it is let, and notes how much went through."""
    note = Path(parse_qs(scope["query_string"].decode())["note"][0])
    await send(start(200, PLAIN))
    sent = 0
    try:
        while sent < ENDLESS_BYTES_MAX:
            await send(body(CHUNK, True))
            sent += len(CHUNK)
            write_note(note, f"sent {sent}")
    except OSError as error:
        write_note(note, f"OSError {sent}")
        raise error
    except asyncio.CancelledError:
        write_note(note, f"cancelled {sent}")
        raise


def write_note(note: Path, text: str) -> None:
    note.with_suffix(".new").write_text(text)
    os.replace(note.with_suffix(".new"), note)


async def wait_disconnect(scope: Any, receive: Any, send: Any) -> None:
    """Notes what `receive` says, and what `send` does then."""
    query = parse_qs(scope["query_string"].decode())
    note = Path(query["note"][0])
    await read_all(receive)
    write_note(note, "waiting")
    message = await receive()
    write_note(note, message["type"])
    if "linger" in query:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            write_note(note, "cancelled")
            raise
    await whole(send, b"late answer")


async def after_response(scope: Any, receive: Any, send: Any) -> None:
    """What `receive` gives once the response is complete, and a background task."""
    note = Path(parse_qs(scope["query_string"].decode())["note"][0])
    await read_all(receive)
    await whole(send, b"done")
    message = await receive()
    await asyncio.sleep(0.01)
    write_note(note, message["type"])


async def misuse(scope: Any, receive: Any, send: Any) -> None:
    what = scope["query_string"].decode()
    if what == "start-twice":
        await send(start())
        await send(start())
    elif what == "body-first":
        await send(body(b"x"))
    elif what == "nothing":
        return
    elif what == "start-only":
        await send(start(200, PLAIN))
    elif what == "half":
        await send(start(200, PLAIN))
        await send(body(b"half", True))
    elif what == "raise-first":
        raise ValueError("before the head")
    elif what == "raise-after-start":
        await send(start(200, PLAIN))
        raise ValueError("after the start message")
    elif what == "raise-mid":
        await send(start(200, PLAIN))
        await send(body(b"half", True))
        raise ValueError("in the middle")
    elif what == "raise-late":
        await whole(send, b"complete")
        raise ValueError("after the end")
    elif what == "bad-header":
        await whole(send, b"x", headers=[(b"x-bad", b"a\r\nb: c")])
    elif what == "bad-name":
        await whole(send, b"x", headers=[(b"x bad", b"a")])
    elif what == "too-long":
        await send(start(200, [(b"content-length", b"3")]))
        await send(body(b"abcdef"))
    elif what == "too-short":
        await send(start(200, [(b"content-length", b"10")]))
        await send(body(b"abc"))
    elif what == "exit":
        raise SystemExit(3)
    elif what == "unknown":
        await send({"type": "http.response.push", "path": "/x"})
        await whole(send, b"fine")


async def statuses(scope: Any, receive: Any, send: Any) -> None:
    code = int(scope["query_string"] or b"200")
    await send(start(code, [(b"x-a", b"1"), (b"x-a", b"2"), ("x-text", "\u00e9")]))
    await send(body(b"a body"))


async def connection_close(scope: Any, receive: Any, send: Any) -> None:
    await whole(send, b"closing", headers=[(b"connection", b"close"), (b"keep-alive", b"x")])


async def hints(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.informational", "status": 103, "headers": [(b"link", b"</a.css>")]})
    await whole(send, b"after hints")


async def early_hint(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload", b"</b.js>; rel=preload"]})
    await whole(send, b"after hints")


async def trailers(scope: Any, receive: Any, send: Any) -> None:
    await send(start(200, [(b"trailer", b"x-sum")], trailers=True))
    await send(body(b"body"))
    await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": True})
    await send({"type": "http.response.trailers", "headers": [(b"x-more", b"2")]})


async def pathsend(scope: Any, receive: Any, send: Any) -> None:
    path = parse_qs(scope["query_string"].decode())["path"][0]
    size = os.stat(path).st_size
    await send(start(200, [(b"content-length", str(size).encode())]))
    await send({"type": "http.response.pathsend", "path": path})


async def context(scope: Any, receive: Any, send: Any) -> None:
    """Each request has a context of its own, and its tasks inherit it."""
    before = current_path.get()
    current_path.set(scope["query_string"].decode())
    await asyncio.sleep(0.01)

    async def inner() -> str:
        return current_path.get()

    await whole(send, f"{before} {await asyncio.create_task(inner())}".encode())


async def concurrent(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(0.2)
    await whole(send, b"%d" % os.getpid())


async def block(scope: Any, receive: Any, send: Any) -> None:
    """Blocks the event loop."""
    import time

    time.sleep(60)


async def stay(scope: Any, receive: Any, send: Any) -> None:
    """Notes its worker and stays until a file appears."""
    query = parse_qs(scope["query_string"].decode())
    if "note" in query:
        write_note(Path(query["note"][0]), str(os.getpid()))
    gate = Path(query["gate"][0])
    while not gate.exists():
        await asyncio.sleep(0.01)
    await whole(send, b"released")


async def state(scope: Any, receive: Any, send: Any) -> None:
    """The lifespan's state: a copy for each request, of one shared object."""
    seen = scope["state"].get("mine", 0)
    scope["state"]["mine"] = seen + 1
    shared = scope["state"].get("shared")
    if shared is not None:
        shared.append(1)
    await whole(send, json.dumps([seen, len(shared or [])]).encode())


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await whole(send, b"hello\n")


PATHS = {
    "/scope": echo_scope,
    "/extensions": extensions,
    "/upload": upload,
    "/echo": echo,
    "/stream": stream,
    "/big": big,
    "/endless": endless,
    "/wait": wait_disconnect,
    "/after": after_response,
    "/misuse": misuse,
    "/status": statuses,
    "/close": connection_close,
    "/hints": hints,
    "/early": early_hint,
    "/trailers": trailers,
    "/pathsend": pathsend,
    "/context": context,
    "/concurrent": concurrent,
    "/block": block,
    "/stay": stay,
    "/state": state,
}


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
        return
    await PATHS.get(scope["path"], echo_scope if scope["path"].startswith("/scope") else hello)(scope, receive, send)


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """What it does is in the environment: LIFESPAN=complete (default), failed, raises, returns, shutdown-failed."""
    how = os.environ.get("LIFESPAN", "complete")
    assert (await receive())["type"] == "lifespan.startup"
    if how == "raises":
        raise ValueError("no lifespan here")
    if how == "returns":
        return
    if how == "failed":
        await send({"type": "lifespan.startup.failed", "message": "the database is down"})
        return
    scope["state"]["shared"] = []
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    if "LIFESPAN_NOTE" in os.environ:
        Path(os.environ["LIFESPAN_NOTE"]).write_text("shut down")
    if how == "shutdown-failed":
        await send({"type": "lifespan.shutdown.failed", "message": "cannot say goodbye"})
    else:
        await send({"type": "lifespan.shutdown.complete"})


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b""]


def asgi2(scope: Any) -> Any:
    async def instance(receive: Any, send: Any) -> None:
        await hello(scope, receive, send)

    return instance
