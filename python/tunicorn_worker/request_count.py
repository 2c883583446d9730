"""max_requests: counts what a worker begins, and says once that it has had its share."""

from __future__ import annotations

import os
from itertools import count

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from typing import Any, Protocol

    from tunicorn_worker.config import Config

    class Caller(Protocol):
        """What serves one request: `wsgi.WsgiCaller`."""

        def call(self, channel: Any, environ: dict[str, Any]) -> None: ...


class RequestCount:
    """Counts requests of any thread.

    limit: max_requests and this worker's part of max_requests_jitter
    """

    def __init__(self, limit: int, log: logging.Logger, on_worn: Callable[[int], None]) -> None:
        """on_worn: called with the limit, by the thread that has reached it. The worker serves on: the arbiter tells it
        to leave when another one is ready.
        """
        self.limit = limit
        # One step for the interpreter, so each number is seen by one thread.
        self._next = count(1).__next__
        self._log = log
        self._on_worn = on_worn

    def begin(self) -> None:
        """A request begins."""
        if self._next() == self.limit:
            self._log.info("Autorestarting worker after current request.")
            self._on_worn(self.limit)


def make_count(config: Config, log: logging.Logger, on_worn: Callable[[int], None]) -> RequestCount | None:
    """None without a limit: nobody pays for counting then."""
    if not config.max_requests:
        return None
    # Not the random module: it takes longer to import than all that a worker needs.
    jitter = int.from_bytes(os.urandom(4), "little") % (config.max_requests_jitter + 1)
    return RequestCount(config.max_requests + jitter, log, on_worn)


class CountedCaller:
    """Counts a request, and has it served by another caller."""

    __slots__ = ("_begin", "_call")

    def __init__(self, caller: Caller, request_count: RequestCount) -> None:
        self._begin = request_count.begin
        self._call = caller.call

    def call(self, channel: Any, environ: dict[str, Any]) -> None:
        """As the other one's."""
        self._begin()
        self._call(channel, environ)
