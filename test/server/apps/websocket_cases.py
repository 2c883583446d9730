"""ASGI: one WebSocket path per case. What the application sees it also prints, for tests to wait for."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any
from urllib.parse import parse_qs


def say(*words: object) -> None:
    # In one write: other processes write there too.
    sys.stdout.write(" ".join(["app", *map(str, words)]) + "\n")
    sys.stdout.flush()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        return
    if scope["type"] == "http":
        body = b"an ordinary request"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})
        return
    query = {key: values[0] for key, values in parse_qs(scope["query_string"].decode(), keep_blank_values=True).items()}
    await CASES[scope["path"]](scope, receive, send, query)


async def accept(receive: Any, send: Any, **extra: Any) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept", **extra})


async def wait_for_end(receive: Any, tag: str) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            say(tag, "disconnect", message["code"], message.get("reason", ""))
            return


async def echo(scope: Any, receive: Any, send: Any, query: Any) -> None:
    await accept(receive, send)
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            say(query.get("tag", "echo"), "disconnect", message["code"], message.get("reason", ""))
            return
        await send({"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")})


async def show_scope(scope: Any, receive: Any, send: Any, query: Any) -> None:
    await accept(receive, send)
    shown = {
        key: value for key, value in scope.items() if key not in ("client", "server", "headers", "state", "extensions")
    }
    await send({"type": "websocket.send", "text": repr(sorted(shown.items()))})
    await send({"type": "websocket.send", "text": repr([name.decode() for name, _ in scope["headers"]])})
    await wait_for_end(receive, "scope")


async def subprotocol(scope: Any, receive: Any, send: Any, query: Any) -> None:
    await accept(receive, send, subprotocol=query.get("name"))
    await wait_for_end(receive, "subprotocol")


async def headers(scope: Any, receive: Any, send: Any, query: Any) -> None:
    extra = [(b"x-one", b"1"), (b"set-cookie", b"a=b"), (b"set-cookie", b"c=d")]
    if "bad" in query:
        extra = [(b"x-bad", b"a\r\nx-injected: 1")]
    if "own" in query:
        extra = [
            (b"Sec-WebSocket-Accept", b"wrong"),
            (b"sec-websocket-extensions", b"permessage-deflate"),
            (b"upgrade", b"x"),
        ]
    await accept(receive, send, headers=extra)
    await wait_for_end(receive, "headers")


async def deny(scope: Any, receive: Any, send: Any, query: Any) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 4003, "reason": "no"})
    say("deny then", (await receive())["type"])


async def fail(scope: Any, receive: Any, send: Any, query: Any) -> None:
    if "accepted" in query:
        await accept(receive, send)
    raise ValueError("this application fails")


async def give_up(scope: Any, receive: Any, send: Any, query: Any) -> None:
    if "accepted" in query:
        await accept(receive, send)


async def denial(scope: Any, receive: Any, send: Any, query: Any) -> None:
    await receive()
    say("denial offered", "websocket.http.response" in scope.get("extensions", {}))
    fields = [(b"content-type", b"text/plain"), (b"x-why", b"not today")]
    await send({"type": "websocket.http.response.start", "status": 401, "headers": fields})
    if "fails" in query:
        await send({"type": "websocket.http.response.body", "body": b"half", "more_body": True})
        raise ValueError("this denial fails")
    if "stops" in query:
        return
    for part in (b"go ", b"away"):
        await send({"type": "websocket.http.response.body", "body": part, "more_body": part == b"go "})
    try:
        await send({"type": "websocket.accept"})
    except RuntimeError as error:
        say("accept after denial", error)


async def close(scope: Any, receive: Any, send: Any, query: Any) -> None:
    await accept(receive, send)
    message: dict[str, Any] = {"type": "websocket.close"}
    if "code" in query:
        message["code"] = int(query["code"])
    if "reason" in query:
        message["reason"] = query["reason"] * int(query.get("times", 1))
    await send(message)
    say("close then", await receive())
    try:
        await send({"type": "websocket.send", "text": "too late"})
    except (OSError, RuntimeError) as error:
        say("send after close", isinstance(error, OSError), isinstance(error, RuntimeError))


async def misuse(scope: Any, receive: Any, send: Any, query: Any) -> None:
    await receive()
    for message in ({"type": "websocket.send", "text": "early"}, {"type": "websocket.unknown"}):
        try:
            await send(message)
            say("misuse taken", message["type"])
        except RuntimeError as error:
            say("misuse", error)
    await send({"type": "websocket.accept"})
    try:
        await send({"type": "websocket.accept"})
    except RuntimeError as error:
        say("misuse", error)
    await wait_for_end(receive, "misuse")


async def stay(scope: Any, receive: Any, send: Any, query: Any) -> None:
    """Receive nothing until the gate is there; then say how many messages and bytes came."""
    await accept(receive, send)
    while not os.path.exists(query["gate"]):
        await asyncio.sleep(0.02)
    messages = size = 0
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        if message.get("text") == "count":
            await send({"type": "websocket.send", "text": f"{messages} {size}"})
        else:
            messages += 1
            size += len(message.get("bytes") or message.get("text") or "")


async def flood(scope: Any, receive: Any, send: Any, query: Any) -> None:
    """Send as fast as the client takes it; the note says how much."""
    await accept(receive, send)
    sent = 0
    data = b"x" * int(query["bytes"])
    try:
        while True:
            await send({"type": "websocket.send", "bytes": data})
            sent += len(data)
            with open(query["note"] + ".new", "w") as file:
                file.write(f"sent {sent}")
            os.replace(query["note"] + ".new", query["note"])
            await asyncio.sleep(0)
    except OSError:
        say("flood ended")


async def big(scope: Any, receive: Any, send: Any, query: Any) -> None:
    await accept(receive, send)
    await send({"type": "websocket.send", "bytes": bytes(range(256)) * (int(query["bytes"]) // 256)})
    await wait_for_end(receive, "big")


async def two_senders(scope: Any, receive: Any, send: Any, query: Any) -> None:
    await accept(receive, send)
    await asyncio.gather(*(send({"type": "websocket.send", "text": letter * 300_000}) for letter in "ab"))
    await wait_for_end(receive, "two_senders")


async def block(scope: Any, receive: Any, send: Any, query: Any) -> None:
    """Say which process this is, so that a test can kill it."""
    await accept(receive, send)
    await send({"type": "websocket.send", "text": str(os.getpid())})
    await wait_for_end(receive, query.get("tag", "pid"))


CASES = {
    "/": echo,
    "/echo": echo,
    "/scope": show_scope,
    "/subprotocol": subprotocol,
    "/headers": headers,
    "/deny": deny,
    "/fail": fail,
    "/return": give_up,
    "/denial": denial,
    "/close": close,
    "/misuse": misuse,
    "/stay": stay,
    "/flood": flood,
    "/big": big,
    "/two-senders": two_senders,
    "/pid": block,
}
