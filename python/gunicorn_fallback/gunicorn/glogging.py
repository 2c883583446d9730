"""``worker.log``: Gunicorn's Logger, on the loggers that all of Tunicorn's workers have."""

from __future__ import annotations

import logging
import os
from typing import Any

from tunicorn_worker.loggers import LEVELS, Loggers, all_handlers
from tunicorn_worker.statsd import count_lines, make_statsd
from tunicorn_worker.statsd_log import StatsdLog


class Logger:
    """error_log, access_log: the two loggers themselves, with their handlers."""

    LOG_LEVELS = LEVELS

    def __init__(self, cfg: Any) -> None:
        self.cfg = cfg
        self._loggers = Loggers()
        self._loggers.set_up(cfg)
        self.error_log = self._loggers.error
        self.access_log = self._loggers.access
        self.loglevel = self.error_log.level
        statsd = make_statsd(cfg)
        count_lines(self._loggers, statsd)
        if statsd is not None:
            log = StatsdLog(self._loggers, statsd)
            vars(self).update(info=log.info, debug=log.debug, log=log.log, gauge=log.gauge, increment=log.increment)
            vars(self).update(decrement=log.decrement, timer=log.timer, histogram=log.histogram)

    @property
    def access_log_enabled(self) -> bool:
        return bool(self.cfg.accesslog)

    def critical(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self.error_log.critical(msg, *args, **kwargs)

    def error(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self.error_log.error(msg, *args, **kwargs)

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self.error_log.warning(msg, *args, **kwargs)

    def info(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self.error_log.info(msg, *args, **kwargs)

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self.error_log.debug(msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self.error_log.exception(msg, *args, **kwargs)

    def log(self, lvl: int | str, msg: str, *args: Any, **kwargs: Any) -> None:
        """lvl: a number, or a name: ``"info"``"""
        number = LEVELS.get(lvl.lower(), logging.INFO) if isinstance(lvl, str) else lvl
        self.error_log.log(number, msg, *args, **kwargs)

    def reopen_files(self) -> None:
        self._loggers.reopen()

    def close_on_exec(self) -> None:
        for handler in all_handlers():
            if isinstance(handler, logging.FileHandler) and handler.stream:
                os.set_inheritable(handler.stream.fileno(), False)
