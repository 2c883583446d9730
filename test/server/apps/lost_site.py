"""The application of the tests that count lost requests."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

WAIT_SECONDS = 0.05
GROW_BYTES = 1 << 18
KEPT: list[bytearray] = []


def burn(seconds: float) -> None:
    """Use that much of a processor, as an import of many modules does."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


burn(float(os.environ.get("IMPORT_SECONDS", "0")))


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/wait":
        time.sleep(WAIT_SECONDS)
    elif path == "/grow":
        KEPT.append(bytearray(b"x") * GROW_BYTES)
    text = f"{os.getpid()}\n".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
    return [text]
