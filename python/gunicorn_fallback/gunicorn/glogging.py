"""Gunicorn's Logger, as Tunicorn has it."""

from __future__ import annotations

from tunicorn_worker import gunicorn_logger
from tunicorn_worker.gunicorn_logger import CONFIG_DEFAULTS, SafeAtoms, loggers
from tunicorn_worker.syslog_address import SYSLOG_FACILITIES, parse_syslog_address

__all__ = ["CONFIG_DEFAULTS", "SYSLOG_FACILITIES", "Logger", "SafeAtoms", "loggers", "parse_syslog_address"]


class Logger(gunicorn_logger.Logger):
    """Sends no metrics, as Gunicorn's: `Config.logger_class` chooses `gunicorn.instrument.statsd.Statsd` for that."""
