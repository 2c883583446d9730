"""With `reload`: what is served in the place of an application that cannot be imported, until a file of it changes."""

from __future__ import annotations

import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CONTENT_TYPE = "text/plain; charset=utf-8"


def failure_application(error: BaseException, *, asgi: bool) -> Any:
    """Make a WSGI or ASGI application that answers everything with 500 and the traceback."""
    page = "".join(traceback.format_exception(type(error), error, error.__traceback__)).encode()
    fields = [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(page)))]

    def wsgi_application(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("500 Internal Server Error", fields)
        return [page]

    async def asgi_application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        if scope["type"] == "http":
            headers = [(name.lower().encode(), value.encode()) for name, value in fields]
            await send({"type": "http.response.start", "status": 500, "headers": headers})
            await send({"type": "http.response.body", "body": page})
        else:
            await receive()
            await send({"type": "websocket.close"})

    return asgi_application if asgi else wsgi_application
