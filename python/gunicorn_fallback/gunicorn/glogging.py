"""Gunicorn's Logger, as Tunicorn has it."""

from __future__ import annotations

from typing import Any

from tunicorn_worker import gunicorn_logger
from tunicorn_worker.gunicorn_logger import CONFIG_DEFAULTS, SafeAtoms, loggers
from tunicorn_worker.loggers import Loggers
from tunicorn_worker.statsd import count_lines, make_statsd
from tunicorn_worker.statsd_log import StatsdLog
from tunicorn_worker.syslog_address import SYSLOG_FACILITIES, parse_syslog_address

__all__ = ["CONFIG_DEFAULTS", "SYSLOG_FACILITIES", "Logger", "SafeAtoms", "loggers", "parse_syslog_address"]


class Logger(gunicorn_logger.Logger):
    """With statsd_host it sends metrics: for the worker classes that make their log by themselves."""

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        statsd = make_statsd(cfg)
        count_lines(Loggers(), statsd)
        if statsd is not None:
            log = StatsdLog(Loggers(), statsd)
            vars(self).update(info=log.info, debug=log.debug, log=log.log, gauge=log.gauge, increment=log.increment)
            vars(self).update(decrement=log.decrement, timer=log.timer, histogram=log.histogram)
