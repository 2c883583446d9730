from __future__ import annotations

import asyncio
from typing import Any

from tunicorn_worker.failure_page import failure_application

TYPE = "text/plain; charset=utf-8"


def failed() -> ZeroDivisionError:
    try:
        return ZeroDivisionError(1 / 0)
    except ZeroDivisionError as error:
        return error


def test_wsgi() -> None:
    heads: list[Any] = []
    body = b"".join(failure_application(failed(), asgi=False)({}, lambda *head: heads.append(head)))
    length = ("Content-Length", str(len(body)))
    assert heads == [("500 Internal Server Error", [("Content-Type", TYPE), length])]
    assert body.startswith(b"Traceback")
    assert body.endswith(b"ZeroDivisionError: division by zero\n")


def exchange(kind: str, *received: str) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    messages = iter(received)

    async def receive() -> dict[str, Any]:
        return {"type": next(messages)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(failure_application(failed(), asgi=True)({"type": kind}, receive, send))
    return sent


def test_asgi() -> None:
    head, body = exchange("http")
    assert head["status"] == 500
    assert dict(head["headers"])[b"content-length"] == str(len(body["body"])).encode()
    assert b"ZeroDivisionError" in body["body"]
    lifespan = exchange("lifespan", "lifespan.startup", "lifespan.shutdown")
    assert [message["type"] for message in lifespan] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert exchange("websocket", "websocket.connect") == [{"type": "websocket.close"}]
