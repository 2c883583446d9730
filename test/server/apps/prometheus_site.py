"""Counts its requests with prometheus_client, in its multiprocess mode."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest, multiprocess

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

REQUESTS = Counter("site_requests", "Requests of all workers, the dead ones too")
WORKERS = Gauge("site_workers", "Workers that live", multiprocess_mode="livesum")
WORKERS.set(1)


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    text = f"{os.getpid()}\n".encode()
    if environ["PATH_INFO"] == "/metrics":
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
        text = generate_latest(registry)
    else:
        REQUESTS.inc()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
    return [text]
