"""Says what a reload changes: the code's version (a file beside the configuration), the environment, the worker."""

from __future__ import annotations

import os
import time
from pathlib import Path

VERSION = Path(os.environ["SITE_VERSION"]).read_text().strip()
if VERSION == "broken":
    raise ValueError("the site is broken")
while VERSION == "hanging":
    time.sleep(0.1)


def application(environ, start_response):
    body = f"{VERSION} {os.environ.get('WHO')} {os.getpid()} {environ['wsgi.multithread']}\n".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    body = f"{VERSION} {os.environ.get('WHO')} {os.getpid()} asgi\n".encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
