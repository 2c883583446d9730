"""The log as hooks have it, ``worker.log`` and ``server.log``: the methods of Gunicorn's Logger."""

from __future__ import annotations

import logging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tunicorn_worker.loggers import Loggers


class ServerLog:
    """Writes to the error log. error_log, access_log: the two loggers themselves."""

    def __init__(self, loggers: Loggers) -> None:
        self._loggers = loggers
        self.error_log = loggers.error
        self.access_log = loggers.access

    @property
    def loglevel(self) -> int:
        return int(self.error_log.level)

    def critical(self, message: str, *arguments: Any, **named: Any) -> None:
        self.error_log.critical(message, *arguments, **named)

    def error(self, message: str, *arguments: Any, **named: Any) -> None:
        self.error_log.error(message, *arguments, **named)

    def warning(self, message: str, *arguments: Any, **named: Any) -> None:
        self.error_log.warning(message, *arguments, **named)

    def info(self, message: str, *arguments: Any, **named: Any) -> None:
        self.error_log.info(message, *arguments, **named)

    def debug(self, message: str, *arguments: Any, **named: Any) -> None:
        self.error_log.debug(message, *arguments, **named)

    def exception(self, message: str, *arguments: Any, **named: Any) -> None:
        self.error_log.exception(message, *arguments, **named)

    def log(self, level: int | str, message: str, *arguments: Any, **named: Any) -> None:
        """level: a number, or a name: ``"info"``."""
        number = level if isinstance(level, int) else logging.getLevelName(level.upper())
        self.error_log.log(number if isinstance(number, int) else logging.INFO, message, *arguments, **named)

    def reopen_files(self) -> None:
        self._loggers.reopen()
