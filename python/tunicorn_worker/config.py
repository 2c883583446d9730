"""The settings as Python code sees them: ``cfg.workers``, ``cfg.env``."""

from __future__ import annotations

import os
import re

from tunicorn_worker.python_value import restore_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


DIRECT = "direct"
"""The kind of worker classes that accept clients by themselves."""
WAYS = {"asgi": "asgi", "gevent": "wsgi", "eventlet": "wsgi"}
"""Kinds to which the gateway pushes requests, and what their applications are written for: a gateway's ways
(src/gateway/worker-pools.ts)."""
LOGGER_CLASS_DEFAULTS = (None, "", "simple", "gunicorn.glogging.Logger", "gunicorn.instrument.statsd.Statsd")


class Config:
    """The resolved settings, read as attributes. They were checked where they entered; nothing is checked here.

    values: every setting by Gunicorn's name: ``{"workers": 4, "raw_env": ["A=1"], ...}``
    app: what to load, ``"module:object"``; with Paste Deploy the absolute path of the ini file, ``"/srv/app.ini#main"``
    server_software: SERVER_SOFTWARE of the environ
    title_prefix: start of process titles, ``"tunicorn: "``
    worker_kind: the class of workers that worker_class and threads mean, ``"sync"``, ``"gthread"``, ``"asgi"``,
        ``"gevent"``, ``"eventlet"``; ``"direct"`` for a class that accepts clients by itself
    master_pid: the arbiter's
    uvicorn: what uvicorn's worker classes need (channels.md §1): ``{"proxyHeaders": True, "factory": False}``
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        *,
        app: str,
        server_software: str,
        version: str,
        title_prefix: str,
        worker_kind: str,
        master_pid: int,
        uvicorn: Mapping[str, bool] | None = None,
    ) -> None:
        self.values = values
        self.app = app
        self.server_software = server_software
        self.version = version
        self.title_prefix = title_prefix
        self.worker_kind = worker_kind
        self.master_pid = master_pid
        self.uvicorn = uvicorn

    @classmethod
    def from_command(cls, command: Mapping[str, Any], live: Mapping[str, object] | None = None) -> Config:
        """Read the arbiter's `settings` command (docs/internals/channels.md §1).

        live: the configuration file's values by setting, for those that JSON cannot carry: hooks, classes. What is not
            there is None: the default hooks, which do nothing.
        """
        objects = live or {}
        return cls(
            {name: restore_value(value, objects.get(name)) for name, value in command["values"].items()},
            app=command["app"],
            server_software=command["serverSoftware"],
            version=command["version"],
            title_prefix=command["titlePrefix"],
            worker_kind=command["workerKind"],
            # Called in the nursery, whose parent is the arbiter.
            master_pid=os.getppid(),
            uvicorn=command["uvicorn"],
        )

    @property
    def way(self) -> str:
        """How requests reach the workers: ``"pull"``, or what is pushed to them: ``"asgi"``, ``"wsgi"``."""
        return WAYS.get(self.worker_kind, "pull")

    def __getattr__(self, name: str) -> Any:
        # Asked before `values` is there (copy, pickle): without this line, __getattr__ would call itself for ever.
        if name == "values":
            raise AttributeError(name)
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(f"No configuration setting for: {name}") from None

    def set(self, name: str, _value: object) -> None:
        """What hooks may call on Gunicorn's: refused, for most settings are the arbiter's and the gateway's.

        Raises RuntimeError.
        """
        raise RuntimeError(f"cfg.set({name!r}, ...) has no effect on a running server: set it in the configuration")

    @property
    def has_logger_class(self) -> bool:
        """Whether logger_class names another class than Gunicorn's own."""
        named = self.values.get("logger_class")
        return not isinstance(named, (str, type(None))) or named not in LOGGER_CLASS_DEFAULTS

    @property
    def logs_in_python(self) -> bool:
        """Whether a Python logger writes both logs; src/settings/log-writer.ts says the same."""
        others = ("logconfig", "logconfig_dict", "logconfig_json", "syslog")
        return self.has_logger_class or any(self.values.get(name) for name in others)

    @property
    def access_in_python(self) -> bool:
        """Whether that logger is told of every request: a class of the user's always, it may count them."""
        return self.has_logger_class or (self.logs_in_python and has_access_log(self))

    @property
    def env(self) -> dict[str, str]:
        """raw_env as a dict: ``["A=1", "B=x=y"]`` is ``{"A": "1", "B": "x=y"}``.

        Raises RuntimeError for an entry without ``=``.
        """
        env = {}
        for entry in self.values["raw_env"] or ():
            name, equals, value = entry.partition("=")
            if not equals:
                raise RuntimeError(f"environment setting {entry!r} invalid")
            env[name] = value
        return env

    @property
    def is_ssl(self) -> bool:
        return bool(self.values["certfile"] or self.values["keyfile"])

    @property
    def proc_name(self) -> str:
        """The name in process titles: the setting, or what was named on the command line."""
        name = self.values["proc_name"]
        return str(self.values["default_proc_name"] if name is None else name)

    @property
    def paste_global_conf(self) -> dict[str, str]:
        r"""raw_paste_global_conf as a dict: ``["a=1", r"b\=c=d"]`` is ``{"a": "1", "b=c": "d"}``.

        Raises RuntimeError for an entry without ``=``; the text is Gunicorn's.
        """
        variables = {}
        for entry in self.values["raw_paste_global_conf"] or ():
            parts = re.split(r"(?<!\\)=", entry, maxsplit=1)
            if len(parts) < 2:
                raise RuntimeError(f"environment setting {entry!r} invalid")
            name, value = (part.replace("\\=", "=") for part in parts)
            variables[name] = value
        return variables

    @property
    def sendfile(self) -> bool:
        """Whether files may be sent without being read: not if the setting has any value, else as $SENDFILE says."""
        if self.values["sendfile"] is not None:
            return False
        return os.environ.get("SENDFILE", "1").lower() in ("y", "1", "yes", "true")


def has_access_log(config: Config) -> bool:
    """Whether Gunicorn's logger would write an access log with these settings (glogging.Logger.access_log_enabled)."""
    values = config.values
    named = ("accesslog", "logconfig", "logconfig_dict", "logconfig_json")
    to_syslog = values.get("syslog") and not values.get("disable_redirect_access_to_syslog")
    return bool(to_syslog or any(values.get(name) for name in named))
