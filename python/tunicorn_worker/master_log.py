"""The log of the master where a Python logger writes it: the nursery writes for the processes that have no Python."""

from __future__ import annotations

import logging
import marshal
import os
from datetime import timedelta

from tunicorn_worker.access_facts import AccessResponse, read_field_lines
from tunicorn_worker.hook_objects import HookRequest
from tunicorn_worker.loggers import Loggers, capture_output, drop_handlers, use_python_log
from tunicorn_worker.statsd import UNCOUNTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tunicorn_worker.config import Config
    from tunicorn_worker.line_channel import Message

EARLY_LINES_MAX = 1000
"""Lines before the first settings: a handful. The debug dump of the settings is one of them."""


class MasterLog:
    """Makes the logger that the settings ask for, and writes with it what arbiter and gateway say."""

    def __init__(self) -> None:
        self._config: Config | None = None
        self._logger: Any = None
        self._early: list[tuple[str, str, int]] = []

    def configure(self, config: Config) -> None:
        """The settings of a start or a reload.

        Raises what making the logger raises; the logger of before goes on then.
        """
        if not config.logs_in_python:
            if self._logger is not None:
                drop_handlers(configured=self._has_logconfig)
            self._capture(config)
            self._settle(None, config)
            return
        # Only here: what it imports costs memory in every worker.
        from tunicorn_worker.python_log import make_again, make_logger, same_class

        before, logger_before = self._config, self._logger
        try:
            if logger_before is None or before is None or not same_class(config, before):
                drop_handlers(configured=self._has_logconfig)
                logger = make_logger(config)
            else:
                logger = make_again(logger_before, config)
        except BaseException:
            self._early.clear()
            if logger_before is not None and before is not None:
                self._settle(make_again(logger_before, before), before)
            raise
        self._settle(logger, config)

    @property
    def _has_logconfig(self) -> bool:
        """The handlers of now are a configuration's."""
        values = {} if self._config is None else self._config.values
        return any(values.get(name) for name in ("logconfig", "logconfig_dict", "logconfig_json"))

    def _settle(self, logger: Any, config: Config) -> None:
        self._config, self._logger = config, logger
        use_python_log(logger)
        Owner.master = None if logger is None else config.master_pid
        Owner.nursery = os.getpid()
        factory = logging.getLogRecordFactory()
        if logger is not None and factory is not make_record:
            # The logger's class, or what it imports, may have set one of its own.
            Owner.make = factory
            logging.setLogRecordFactory(make_record)
        early, self._early = self._early, []
        for line in early:
            if logger is None:
                write_plainly(config, *line)
            else:
                self.write(*line)

    def write(self, level: str, text: str, pid: int) -> None:
        """Write a line of another process. pid: its process"""
        if self._logger is None:
            # The settings that want this are on their way; the master does not talk much until then.
            if len(self._early) < EARLY_LINES_MAX:
                self._early.append((level, text, pid))
            return
        Owner.pid = pid
        call_safely(getattr(self._logger, level), text)
        Owner.pid = None

    def access(self, message: Message) -> None:
        """Write the access line of a request that no worker will write: `access` of channels.md §3."""
        if self._logger is None or self._config is None:
            return
        environ = marshal.loads(message["environ"].encode("latin-1"))
        environ["wsgi.input"] = None
        response = AccessResponse(message["status"], read_field_lines(message["fields"]), message["bytes"])
        duration = timedelta(microseconds=message["durationUs"])
        call_safely(self._logger.access, response, HookRequest(environ, self._config), environ, duration)

    def reopen(self) -> None:
        if self._logger is not None:
            call_safely(self._logger.reopen_files)
        elif self._config is not None:
            self._capture(self._config)

    def _capture(self, config: Config) -> None:
        """What hooks print, and an application that a mold imports. Raises OSError."""
        if config.capture_output and config.errorlog not in (None, "-"):
            capture_output(config.errorlog)


class Owner:
    """Whose the nursery's records are: the master's, unless another process has sent the line."""

    master: int | None = None
    nursery = 0
    pid: int | None = None
    make: Any = logging.LogRecord


def make_record(*arguments: Any, **named: Any) -> logging.LogRecord:
    """Make a record that says whose it is. In the nursery's children it is their own."""
    record: logging.LogRecord = Owner.make(*arguments, **named)
    if Owner.master is not None and os.getpid() == Owner.nursery:
        record.process = Owner.pid or Owner.master
        if Owner.pid is not None:
            setattr(record, UNCOUNTED, True)
    return record


def write_plainly(config: Config, level: str, text: str, pid: int) -> None:
    """Write a line in Tunicorn's own way: the settings that asked for a Python logger were withdrawn."""
    loggers = Loggers()
    loggers.set_up(config, pid=pid)
    getattr(loggers.error, level)("%s", text)
    drop_handlers()


def call_safely(method: Any, *arguments: Any) -> None:
    """A logger of the user's that raises loses its line, and says why: the nursery lives on."""
    try:
        method(*arguments)
    except Exception:
        from traceback import print_exc

        print_exc()
