"""The loggers ``gunicorn.error`` and ``gunicorn.access`` with Gunicorn's formats, targets and reopening."""

from __future__ import annotations

import logging
import os
import sys

from tunicorn_worker.json_lines import JsonFormatter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

    from tunicorn_worker.config import Config

ERROR_FORMAT = "%(asctime)s [%(process)d] [%(levelname)s] %(message)s"
DATE_FORMAT = "[%Y-%m-%d %H:%M:%S %z]"
ACCESS_FORMAT = "%(message)s"
LEVELS = {
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}
MARK = "_gunicorn"
"""Attribute of handlers made here: a forked worker replaces the nursery's, and leaves the user's alone."""


class Loggers:
    """The two loggers of a process, and the file that stdout and stderr go to with `capture_output`.

    error: what our own code writes with: the logger that application code gets from ``logging.getLogger``, or the one
        that the settings ask for (`python_log`)
    access: the access log, as application code gets it
    """

    def __init__(self) -> None:
        self.error: Any = error_log()
        self.access = logging.getLogger("gunicorn.access")
        self._captured: str | None = None

    @property
    def python(self) -> Any:
        """The logger that the settings ask for, None where Tunicorn writes by itself."""
        return _Chosen.logger

    def set_up(self, config: Config, pid: int | None = None) -> None:
        """Give both loggers their handlers; those of an earlier call are replaced.

        pid: whose lines these are, when not this process's

        Raises OSError when a log file cannot be opened.
        """
        self.error = error_log()
        if self.python is not None:
            return  # It has its handlers.
        drop_handlers()
        self.error.propagate = False
        self.access.propagate = False
        self.set_level(config.loglevel)
        self.access.setLevel(logging.INFO)
        self._captured = config.errorlog if config.capture_output and config.errorlog not in (None, "-") else None
        self._capture()
        whose = "%(process)d" if pid is None else str(pid)
        error_format: logging.Formatter
        access_format: logging.Formatter
        if config.values.get("log_format") == "json":
            error_format, access_format = JsonFormatter("error", pid), JsonFormatter("access", pid)
        else:
            error_format = logging.Formatter(ERROR_FORMAT.replace("%(process)d", whose), DATE_FORMAT)
            access_format = logging.Formatter(ACCESS_FORMAT)
        self._add_handler(self.error, config.errorlog, error_format, sys.stderr, config)
        self._add_handler(self.access, config.accesslog, access_format, sys.stdout, config)

    def set_level(self, level: str) -> None:
        """level: of the error log, ``"debug"``; what is unknown means info, as with Gunicorn."""
        logging.getLogger("gunicorn.error").setLevel(LEVELS.get(level.lower(), logging.INFO))

    def add_error_handler(self, handler: logging.Handler) -> None:
        """The next `set_up` takes it away again."""
        setattr(handler, MARK, True)
        logging.getLogger("gunicorn.error").addHandler(handler)

    def reopen(self) -> None:
        """Open every log file anew, those of the application's own loggers too: USR1, after a log rotation."""
        if self.python is not None:
            reopen_python_log(self.python)
            return
        self._capture()
        reopen_log_files()

    def _add_handler(
        self, logger: logging.Logger, target: str | None, formatter: logging.Formatter, stream: TextIO, config: Config
    ) -> None:
        if target is None:
            return
        handler: logging.Handler
        if target == "-":
            handler = logging.StreamHandler(stream)
        else:
            handler = logging.FileHandler(target)
            try:
                # A worker that runs as another user must be able to open the file again.
                os.chown(handler.baseFilename, config.user, config.group)
            except OSError:
                pass  # It is not ours to give away, or no file at all, /dev/null: then it is reachable as it is.
        handler.setFormatter(formatter)
        setattr(handler, MARK, True)
        logger.addHandler(handler)

    def _capture(self) -> None:
        if self._captured is not None:
            capture_output(self._captured)


class _Chosen:
    """The logger that the settings ask for, of this process and those that it forks."""

    logger: Any = None


def use_python_log(logger: Any) -> None:
    """From now on all lines of this process's are written by this one; None: by the two loggers themselves."""
    _Chosen.logger = logger


def error_log() -> Any:
    """What our own code writes with: it has the methods of ``logging.Logger`` that write."""
    return logging.getLogger("gunicorn.error") if _Chosen.logger is None else _Chosen.logger


def shows_debug(log: Any) -> bool:
    """Whether anybody would see a line of level debug."""
    ask = getattr(log, "isEnabledFor", None) or logging.getLogger("gunicorn.error").isEnabledFor
    return bool(ask(logging.DEBUG))


def drop_handlers(*, configured: bool = False) -> None:
    """Remove what an earlier set-up has given to both loggers. The user's handlers stay.

    configured: a `logconfig` has made their handlers: all of them go
    """
    for name in ("gunicorn.error", "gunicorn.access"):
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            if configured or getattr(handler, MARK, False):
                logger.removeHandler(handler)
                handler.close()


def capture_output(path: str) -> None:
    """Have everything that this process writes to stdout and stderr go to a file. Raises OSError."""
    sys.stdout.flush()
    sys.stderr.flush()
    with open(path, "a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def reopen_python_log(logger: Any) -> None:
    """One of the user's may fail: in a worker of another `user` files of root's cannot be opened."""
    try:
        logger.reopen_files()
    except Exception as error:
        logger.warning("cannot reopen the log files: %s", error)


def reopen_log_files() -> None:
    """Open the files of all handlers anew."""
    for handler in all_handlers():
        if isinstance(handler, logging.FileHandler):
            handler.acquire()
            try:
                # A file that was not opened yet (delay=True) opens by itself at the first record.
                if handler.stream:
                    reopen_handler(handler)
            finally:
                handler.release()


def reopen_handler(handler: Any) -> None:
    """Open a handler's file anew; the old one goes on where this process may not make a new one (another `user`)."""
    before = handler.stream
    try:
        handler.stream = handler._open()
    except OSError as error:
        logging.getLogger("gunicorn.error").warning("cannot reopen the log file %s: %s", handler.baseFilename, error)
    else:
        before.close()


def all_handlers() -> list[Any]:
    """List the handlers of every logger, the root logger's included, each once."""
    loggers = [logging.root, *(logging.getLogger(name) for name in list(logging.root.manager.loggerDict))]
    return list({id(handler): handler for logger in loggers for handler in logger.handlers}.values())
