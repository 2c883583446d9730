"""`worker.log` and `server.log` with statsd_host: calls with a metric in `extra` send it, as Gunicorn's Statsd does."""

from __future__ import annotations

import logging

from tunicorn_worker.server_log import ServerLog
from tunicorn_worker.statsd import statsd_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tunicorn_worker.config import Config
    from tunicorn_worker.loggers import Loggers
    from tunicorn_worker.statsd import Statsd


class StatsdLog(ServerLog):
    """Warnings and errors are counted where they are written, by `LineCounter`."""

    def __init__(self, loggers: Loggers, statsd: Statsd) -> None:
        super().__init__(loggers)
        self.gauge = statsd.gauge
        self.increment = statsd.increment
        self.decrement = statsd.decrement
        self.timer = statsd.timer
        self.histogram = statsd.histogram
        self._statsd = statsd

    def info(self, message: str, *arguments: Any, **named: Any) -> None:
        self.log(logging.INFO, message, *arguments, **named)

    def debug(self, message: str, *arguments: Any, **named: Any) -> None:
        self.log(logging.DEBUG, message, *arguments, **named)

    def log(self, level: int | str, message: str, *arguments: Any, **named: Any) -> None:
        """An empty message sends the metric only."""
        try:
            extra = named.get("extra")
            if extra is not None:
                self._statsd.extra(extra)
            if message:
                super().log(level, message, *arguments, **named)
        except Exception:
            self.error_log.warning("Failed to log to statsd", exc_info=True)


def server_log(loggers: Loggers, config: Config) -> Any:
    """Return the log that hooks get: the Python logger that the settings ask for, or ours."""
    if loggers.python is not None:
        return loggers.python
    statsd = statsd_of(config)
    return ServerLog(loggers) if statsd is None else StatsdLog(loggers, statsd)
