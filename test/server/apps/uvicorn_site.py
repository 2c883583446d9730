"""Worker classes as users derive them from uvicorn's, and an application that shows what they did."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn_worker import UvicornH11Worker, UvicornWorker


class Options(UvicornWorker):
    CONFIG_KWARGS = {"loop": "asyncio", "root_path": "/x", "lifespan": "off", "http": "h11"}  # noqa: RUF012


class Closed(UvicornH11Worker):
    """Believes no proxy, and has an option that the gateway cannot honour."""

    CONFIG_KWARGS = {**UvicornWorker.CONFIG_KWARGS, "proxy_headers": False, "h11_max_incomplete_event_size": 9}  # noqa: RUF012


class Factory(UvicornWorker):
    CONFIG_KWARGS = {"factory": True, "loop": "uvloop"}  # noqa: RUF012


class Own(UvicornWorker):
    """More than options: it needs uvicorn itself."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.config.root_path = "/own"


def make_application() -> Any:
    return application


started = False


async def application(scope: Any, receive: Any, send: Any) -> None:
    global started
    if scope["type"] == "lifespan":
        await receive()
        started = True
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    shown = {name: scope[name] for name in ("path", "raw_path", "root_path", "scheme", "type")}
    # The port of a client that no proxy named is the kernel's choice.
    shown["client"] = scope["client"][0]
    shown["loop"] = type(asyncio.get_running_loop()).__module__.partition(".")[0]
    shown["lifespan"] = started
    body = repr(sorted(shown.items())).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
