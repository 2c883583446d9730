"""WebSockets: ``/echo`` sends every message back, ``/broadcast`` sends it to all that are connected there."""

from __future__ import annotations

from typing import Any

from hello_asgi import application as hello

listeners: set[Any] = set()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "websocket":
        await hello(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"] == "/broadcast":
        await broadcast(receive, send)
    else:
        await echo(receive, send)


async def echo(receive: Any, send: Any) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def broadcast(receive: Any, send: Any) -> None:
    listeners.add(send)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            out = {"type": "websocket.send", "text": message["text"]}
            for listener in list(listeners):
                await listener(out)
    finally:
        listeners.discard(send)
