"""The access log of a worker, where a Python logger writes it: each line waits for two things, the end of the
application's call and the gateway's report of what the client was given (`COMPLETED` of channels.md §6).
"""

from __future__ import annotations

import threading
from datetime import timedelta

from tunicorn_worker.access_facts import describe_response
from tunicorn_worker.wire import COMPLETION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OPEN_MAX = 65536
"""Requests whose report is awaited, as many as streams can be open at once. Reports that never come, because a reload
has given the access log back to the gateway, do not fill memory: the oldest is forgotten."""


class OpenLine:
    """The line of one request. The caller fills in `request`, `environ` and `response`."""

    __slots__ = ("environ", "over", "report", "request", "response")

    def __init__(self) -> None:
        self.request: Any = None
        self.environ: dict[str, Any] = {}
        self.response: Any = None
        self.over = False
        self.report: bytes | None = None


class AccessJournal:
    """The lines that are open on the channels of one gateway. Threads may share it."""

    def __init__(self, log: Any) -> None:
        """log: with the method `access` of Gunicorn's Logger"""
        self._log = log
        self._lock = threading.Lock()
        self._open: dict[int, OpenLine] = {}

    def open(self, stream: int) -> OpenLine:
        """A request begins."""
        line = OpenLine()
        with self._lock:
            if len(self._open) >= OPEN_MAX:
                del self._open[next(iter(self._open))]
            self._open[stream] = line
        return line

    def end(self, stream: int) -> None:
        """The application's call is over, and all is filled in."""
        with self._lock:
            line = self._open.get(stream)
            if line is None:
                return
            line.over = True
            if line.report is None:
                return
            del self._open[stream]
        self._write(line)

    def report(self, stream: int, payload: bytes) -> None:
        """The gateway's report has come. One for a request that is not known is for nobody."""
        with self._lock:
            line = self._open.get(stream)
            if line is None:
                return
            line.report = payload
            if not line.over:
                return
            del self._open[stream]
        self._write(line)

    def _write(self, line: OpenLine) -> None:
        if line.request is None or line.report is None:
            return  # Its head could not even be read.
        code, sent, duration_us = COMPLETION.unpack(line.report)
        response = describe_response(code, sent, line.response)
        try:
            self._log.access(response, line.request, line.environ, timedelta(microseconds=duration_us))
        except Exception:
            self._log.exception("Exception in the access log")
