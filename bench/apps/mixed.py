"""Fast answers, and two paths that hold a worker: ``/sleep`` waits 200 ms, ``/burn`` computes for 200 ms."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HOLD_SECONDS = 0.2
BODY = b"Hello, World!"
HEADERS = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(BODY)))]


def burn() -> None:
    """Use the processor for HOLD_SECONDS of this thread's own time, however busy the machine is."""
    end = time.thread_time() + HOLD_SECONDS
    while time.thread_time() < end:
        pass


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer like hello_wsgi, after what the path asks for."""
    path = environ["PATH_INFO"]
    if path == "/sleep":
        time.sleep(HOLD_SECONDS)
    elif path == "/burn":
        burn()
    start_response("200 OK", HEADERS)
    return [BODY]
