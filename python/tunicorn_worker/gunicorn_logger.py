"""Gunicorn's Logger: what writes both logs where the settings ask for a Python logger, and what users derive theirs
from where the package gunicorn is not installed (``gunicorn.glogging``).

Names, attributes and texts are Gunicorn's: subclasses use and replace them.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import os
import sys
import threading
import time
import traceback
from logging.config import dictConfig, fileConfig
from logging.handlers import SysLogHandler

from tunicorn_worker.loggers import (
    ACCESS_FORMAT,
    DATE_FORMAT,
    ERROR_FORMAT,
    LEVELS,
    MARK,
    all_handlers,
    capture_output,
    reopen_log_files,
)
from tunicorn_worker.syslog_address import find_facility, parse_syslog_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import timedelta
    from typing import Any, TextIO

CONFIG_DEFAULTS: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "root": {"level": "INFO", "handlers": ["console"]},
    "loggers": {
        "gunicorn.error": {
            "level": "INFO",
            "handlers": ["error_console"],
            "propagate": True,
            "qualname": "gunicorn.error",
        },
        "gunicorn.access": {
            "level": "INFO",
            "handlers": ["console"],
            "propagate": True,
            "qualname": "gunicorn.access",
        },
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "generic", "stream": "ext://sys.stdout"},
        "error_console": {"class": "logging.StreamHandler", "formatter": "generic", "stream": "ext://sys.stderr"},
    },
    "formatters": {"generic": {"format": ERROR_FORMAT, "datefmt": DATE_FORMAT, "class": "logging.Formatter"}},
}
"""What the user's dictionary stands on, its top level only: Gunicorn's."""


def loggers() -> list[logging.Logger]:
    return [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]


class SafeAtoms(dict[str, "Any"]):
    """The values of an access line: quotes are escaped, names in braces have no case, what is not there is ``-``."""

    def __init__(self, atoms: dict[str, Any]) -> None:
        super().__init__(
            (key, value.replace('"', '\\"') if isinstance(value, str) else value) for key, value in atoms.items()
        )

    def __getitem__(self, name: str) -> Any:
        return self.get(name.lower() if name.startswith("{") else name, "-")


class Logger:
    """error_log, access_log: the two loggers themselves, with their handlers."""

    LOG_LEVELS = LEVELS
    loglevel = logging.INFO
    error_fmt = ERROR_FORMAT
    datefmt = DATE_FORMAT
    access_fmt = ACCESS_FORMAT
    syslog_fmt = "[%(process)d] %(message)s"
    atoms_wrapper_class = SafeAtoms

    def __init__(self, cfg: Any) -> None:
        self.error_log = logging.getLogger("gunicorn.error")
        self.error_log.propagate = False
        self.access_log = logging.getLogger("gunicorn.access")
        self.access_log.propagate = False
        self.error_handlers: list[logging.Handler] = []
        self.access_handlers: list[logging.Handler] = []
        self.logfile: TextIO | None = None
        self.lock = threading.Lock()
        self.cfg = cfg
        self.setup(cfg)

    def setup(self, cfg: Any) -> None:
        """Called again after a reload. Raises RuntimeError for a configuration that logging refuses."""
        self.cfg = cfg
        self._access_log_enabled = self._compute_access_log_enabled()
        self.loglevel = self.LOG_LEVELS.get(cfg.loglevel.lower(), logging.INFO)
        self.error_log.setLevel(self.loglevel)
        self.access_log.setLevel(logging.INFO)
        for log in (self.error_log, self.access_log):
            for handler in list(log.handlers):
                if getattr(handler, MARK, False):
                    log.removeHandler(handler)
        if cfg.capture_output and cfg.errorlog != "-":
            capture_output(cfg.errorlog)
        self._set_handler(self.error_log, cfg.errorlog, logging.Formatter(self.error_fmt, self.datefmt))
        if cfg.accesslog is not None:
            self._set_handler(self.access_log, cfg.accesslog, fmt=logging.Formatter(self.access_fmt), stream=sys.stdout)
        if cfg.syslog:
            self._set_syslog_handler(self.error_log, cfg, self.syslog_fmt, "error")
            if not cfg.disable_redirect_access_to_syslog:
                self._set_syslog_handler(self.access_log, cfg, self.syslog_fmt, "access")
        self._configure_logging(cfg)

    def _configure_logging(self, cfg: Any) -> None:
        """The dictionary wins over JSON, and JSON over the ini file."""
        if cfg.logconfig_dict:
            apply_dictionary(cfg.logconfig_dict)
        elif cfg.logconfig_json:
            if os.path.exists(cfg.logconfig_json):
                apply_json(cfg.logconfig_json)
        elif cfg.logconfig:
            if not os.path.exists(cfg.logconfig):
                raise RuntimeError(f"Error: log config '{cfg.logconfig}' not found")
            defaults = {**CONFIG_DEFAULTS, "__file__": cfg.logconfig, "here": os.path.dirname(cfg.logconfig)}
            fileConfig(cfg.logconfig, defaults=defaults, disable_existing_loggers=False)

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
        number = self.LOG_LEVELS.get(lvl.lower(), logging.INFO) if isinstance(lvl, str) else lvl
        self.error_log.log(number, msg, *args, **kwargs)

    def atoms(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> dict[str, Any]:
        """What an access_log_format may name."""
        status = resp.status
        if isinstance(status, str):
            status = status.split(None, 1)[0]
        sent = getattr(resp, "sent", None)
        seconds, microseconds = request_time.seconds, request_time.microseconds
        atoms = {
            "h": environ.get("REMOTE_ADDR", "-"),
            "l": "-",
            "u": self._get_user(environ) or "-",
            "t": self.now(),
            "r": f"{environ['REQUEST_METHOD']} {environ['RAW_URI']} {environ['SERVER_PROTOCOL']}",
            "s": status,
            "m": environ.get("REQUEST_METHOD"),
            "U": environ.get("PATH_INFO"),
            "q": environ.get("QUERY_STRING"),
            "H": environ.get("SERVER_PROTOCOL"),
            "b": "-" if sent is None else str(sent),
            "B": sent,
            "f": environ.get("HTTP_REFERER", "-"),
            "a": environ.get("HTTP_USER_AGENT", "-"),
            "T": seconds,
            "D": seconds * 1_000_000 + microseconds,
            "M": seconds * 1000 + microseconds // 1000,
            "L": f"{seconds}.{microseconds:06d}",
            "p": f"<{os.getpid()}>",
        }
        atoms.update({f"{{{name.lower()}}}i": value for name, value in pairs(getattr(req, "headers", req))})
        atoms.update({f"{{{name.lower()}}}o": value for name, value in pairs(resp.headers)})
        atoms.update({f"{{{name.lower()}}}e": value for name, value in environ.items()})
        return atoms

    @property
    def access_log_enabled(self) -> bool:
        try:
            return self._access_log_enabled
        except AttributeError:
            return self._compute_access_log_enabled()

    def _compute_access_log_enabled(self) -> bool:
        cfg = self.cfg
        to_syslog = cfg.syslog and not cfg.disable_redirect_access_to_syslog
        return bool(cfg.accesslog or cfg.logconfig or cfg.logconfig_dict or cfg.logconfig_json or to_syslog)

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """One line of the access log."""
        if not self.access_log_enabled:
            return
        safe_atoms = self.atoms_wrapper_class(self.atoms(resp, req, environ, request_time))
        try:
            self.access_log.info(self.cfg.access_log_format, safe_atoms)
        except Exception:
            self.error(traceback.format_exc())

    def now(self) -> str:
        return time.strftime("[%d/%b/%Y:%H:%M:%S %z]")

    def reopen_files(self) -> None:
        """After a rotation."""
        if self.cfg.capture_output and self.cfg.errorlog != "-":
            capture_output(self.cfg.errorlog)
        reopen_log_files()

    def close_on_exec(self) -> None:
        for handler in all_handlers():
            if isinstance(handler, logging.FileHandler) and handler.stream:
                os.set_inheritable(handler.stream.fileno(), False)

    def _get_gunicorn_handler(self, log: logging.Logger) -> logging.Handler | None:
        return next((handler for handler in log.handlers if getattr(handler, MARK, False)), None)

    def _set_handler(
        self, log: logging.Logger, output: str | None, fmt: logging.Formatter, stream: TextIO | None = None
    ) -> None:
        before = self._get_gunicorn_handler(log)
        if before is not None:
            log.handlers.remove(before)
        if output is None:
            return
        handler: logging.Handler
        if output == "-":
            handler = logging.StreamHandler(stream)
        else:
            check_writable(output)
            handler = logging.FileHandler(output)
            try:
                os.chown(handler.baseFilename, self.cfg.user, self.cfg.group)
            except OSError:
                pass  # It is not ours to give away, or no file at all, /dev/null.
        handler.setFormatter(fmt)
        setattr(handler, MARK, True)
        log.addHandler(handler)

    def _set_syslog_handler(self, log: logging.Logger, cfg: Any, fmt: str, name: str) -> None:
        prefix = cfg.syslog_prefix or cfg.proc_name.replace(":", ".")
        facility = find_facility(cfg.syslog_facility)
        kind, address = parse_syslog_address(cfg.syslog_addr)
        handler = SysLogHandler(address=address, facility=facility, socktype=kind)
        handler.setFormatter(logging.Formatter(f"gunicorn.{prefix}.{name}: {fmt}"))
        setattr(handler, MARK, True)
        log.addHandler(handler)

    def _get_user(self, environ: dict[str, Any]) -> str | None:
        """The user of an ``Authorization: Basic`` field."""
        authorization = environ.get("HTTP_AUTHORIZATION") or ""
        scheme, blank, credentials = authorization.partition(" ")
        if not scheme.lower().startswith("basic") or not blank:
            return None
        try:
            decoded = base64.b64decode(credentials.strip().encode("utf-8"))
            return decoded.partition(b":")[0].decode("utf-8")
        except (TypeError, binascii.Error, UnicodeDecodeError) as error:
            self.debug("Couldn't get username: %s", error)
            return None


def pairs(fields: Any) -> Any:
    return fields.items() if hasattr(fields, "items") else fields


def check_writable(path: str) -> None:
    """Raises RuntimeError with Gunicorn's text."""
    try:
        with open(path, "a"):
            pass
    except OSError as error:
        raise RuntimeError(f"Error: '{path}' isn't writable [{error!r}]") from error


def apply_dictionary(dictionary: dict[str, Any]) -> None:
    """Raises RuntimeError with the message of what logging refuses."""
    try:
        dictConfig({**CONFIG_DEFAULTS, **dictionary})
    except (AttributeError, ImportError, ValueError, TypeError) as error:
        raise RuntimeError(str(error)) from error


def apply_json(path: str) -> None:
    """As `apply_dictionary`, also for a file that is no JSON."""
    try:
        with open(path) as file:
            dictionary = json.load(file)
        merged = {**CONFIG_DEFAULTS}
        merged.update(dictionary)
    except (ValueError, TypeError) as error:
        raise RuntimeError(str(error)) from error
    apply_dictionary(merged)
