"""The settings as worker classes read them. Tunicorn has read and checked them; nothing is parsed here."""

from __future__ import annotations

import os
import re
from importlib import import_module
from typing import Any

from gunicorn import util

DEFAULT_LOGGER = "gunicorn.glogging.Logger"
SSL_SETTINGS = (
    "keyfile",
    "certfile",
    "ssl_version",
    "cert_reqs",
    "ca_certs",
    "suppress_ragged_eofs",
    "do_handshake_on_connect",
    "ciphers",
)


class AccessLogFormat:
    """aiohttp asks whether the format is still the default one."""

    default = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'


def do_nothing(*_arguments: Any) -> None:
    """A hook that was not set."""


def log_request(worker: Any, request: Any) -> None:
    worker.log.debug("%s %s", request.method, request.path)


def make_default_context(_config: Any, default_ssl_context_factory: Any) -> Any:
    return default_ssl_context_factory()


HOOKS: dict[str, Any] = {
    "pre_fork": do_nothing,
    "post_fork": do_nothing,
    "post_worker_init": do_nothing,
    "worker_int": do_nothing,
    "worker_abort": do_nothing,
    "worker_exit": do_nothing,
    "pre_request": log_request,
    "post_request": do_nothing,
    "ssl_context": make_default_context,
}


class Setting:
    """One setting."""

    def __init__(self, name: str, value: Any) -> None:
        self.name = name
        self.section = "SSL" if name in SSL_SETTINGS else ""
        self.value = value

    def get(self) -> Any:
        return self.value

    def set(self, value: Any) -> None:
        self.value = value


class Config:
    """``cfg.timeout``, ``cfg.settings["backlog"].value``, ``cfg.is_ssl``."""

    def __init__(self, usage: str | None = None, prog: str | None = None) -> None:
        self.settings = {name: Setting(name, hook) for name, hook in HOOKS.items()}
        self.usage = usage
        self.prog = prog
        self.env_orig = os.environ.copy()

    def __getattr__(self, name: str) -> Any:
        if name == "settings" or name not in self.settings:
            raise AttributeError(f"No configuration setting for: {name}")
        return self.settings[name].get()

    def set(self, name: str, value: Any) -> None:
        """A hook may be given by its import string."""
        if name in HOOKS and isinstance(value, str):
            module, _, attribute = value.rpartition(".")
            value = getattr(import_module(module), attribute)
        self.settings[name] = Setting(name, value)

    @property
    def worker_class_str(self) -> str:
        uri = self.settings["worker_class"].get()
        return uri if isinstance(uri, str) else str(uri.__name__)

    @property
    def worker_class(self) -> Any:
        found = util.load_class(self.settings["worker_class"].get())
        if hasattr(found, "setup"):
            found.setup()
        return found

    @property
    def logger_class(self) -> Any:
        uri = self.settings["logger_class"].get()
        if uri in ("simple", DEFAULT_LOGGER):
            uri = DEFAULT_LOGGER if getattr(self, "statsd_host", None) is None else "gunicorn.instrument.statsd.Statsd"
        return util.load_class(uri, DEFAULT_LOGGER, "gunicorn.loggers")

    @property
    def uid(self) -> int:
        return int(self.settings["user"].get())

    @property
    def gid(self) -> int:
        return int(self.settings["group"].get())

    @property
    def proc_name(self) -> str:
        name = self.settings["proc_name"].get()
        return str(self.settings["default_proc_name"].get() if name is None else name)

    @property
    def is_ssl(self) -> Any:
        return self.certfile or self.keyfile

    @property
    def ssl_options(self) -> dict[str, Any]:
        return {name: setting.get() for name, setting in self.settings.items() if setting.section == "SSL"}

    @property
    def env(self) -> dict[str, str]:
        return dict(entry.split("=", 1) for entry in self.settings["raw_env"].get() or ())

    @property
    def sendfile(self) -> bool:
        if self.settings["sendfile"].get() is not None:
            return False
        return os.environ.get("SENDFILE", "1").lower() in ("y", "1", "yes", "true")

    @property
    def paste_global_conf(self) -> dict[str, str]:
        parts = (
            re.split(r"(?<!\\)=", entry, maxsplit=1) for entry in self.settings["raw_paste_global_conf"].get() or ()
        )
        return {name.replace("\\=", "="): value.replace("\\=", "=") for name, value in parts}
