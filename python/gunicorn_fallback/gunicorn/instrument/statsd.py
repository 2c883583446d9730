"""Gunicorn's logger that sends metrics: what users derive theirs from, and what the log of worker classes is that
accept clients by themselves.
"""

from __future__ import annotations

import logging
from typing import Any

from gunicorn.glogging import Logger
from tunicorn_worker.statsd import make_statsd


class Statsd(Logger):
    """Counts its own calls, as Gunicorn's; what libraries write to ``gunicorn.error`` is none of them."""

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        self._statsd = make_statsd(cfg)

    def critical(self, msg: str, *args: Any, **kwargs: Any) -> None:
        super().critical(msg, *args, **kwargs)
        self.increment("gunicorn.log.critical", 1)

    def error(self, msg: str, *args: Any, **kwargs: Any) -> None:
        super().error(msg, *args, **kwargs)
        self.increment("gunicorn.log.error", 1)

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        super().warning(msg, *args, **kwargs)
        self.increment("gunicorn.log.warning", 1)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        super().exception(msg, *args, **kwargs)
        self.increment("gunicorn.log.exception", 1)

    def info(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self.log(logging.INFO, msg, *args, **kwargs)

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self.log(logging.DEBUG, msg, *args, **kwargs)

    def log(self, lvl: int | str, msg: str, *args: Any, **kwargs: Any) -> None:
        """Send the metric that `extra` has, if any; an empty message is no line."""
        try:
            extra = kwargs.get("extra")
            if extra is not None and self._statsd is not None:
                self._statsd.extra(extra)
            if msg:
                super().log(lvl, msg, *args, **kwargs)
        except Exception:
            Logger.warning(self, "Failed to log to statsd", exc_info=True)

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        super().access(resp, req, environ, request_time)
        status = resp.status.decode() if isinstance(resp.status, bytes) else resp.status
        code = int(status.split(None, 1)[0]) if isinstance(status, str) else status
        self.timer("gunicorn.request.duration", request_time.seconds * 1000 + request_time.microseconds / 1000)
        self.increment("gunicorn.requests", 1)
        self.increment(f"gunicorn.request.status.{code}", 1)

    def gauge(self, name: str, value: object) -> None:
        if self._statsd is not None:
            self._statsd.gauge(name, value)

    def increment(self, name: str, value: object, sampling_rate: float = 1.0) -> None:
        if self._statsd is not None:
            self._statsd.increment(name, value, sampling_rate)

    def decrement(self, name: str, value: object, sampling_rate: float = 1.0) -> None:
        if self._statsd is not None:
            self._statsd.decrement(name, value, sampling_rate)

    def timer(self, name: str, value: object) -> None:
        if self._statsd is not None:
            self._statsd.timer(name, value)

    def histogram(self, name: str, value: object) -> None:
        if self._statsd is not None:
            self._statsd.histogram(name, value)
