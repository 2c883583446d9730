"""The Python logger of the settings `logger_class`, `logconfig*` and `syslog`: one object in each process.

The nursery makes it, as Gunicorn's master does, and its children have it from their fork: an application that a mold
has imported may have configured logging itself, which must not be undone in each worker.
"""

from __future__ import annotations

import sys
from importlib import import_module

from tunicorn_worker.gunicorn_config import make_gunicorn_config
from tunicorn_worker.gunicorn_logger import Logger
from tunicorn_worker.gunicorn_package import PACKAGE, fallback_offered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tunicorn_worker.config import Config

DEFAULT_CLASS = "gunicorn.glogging.Logger"


def make_logger(config: Config) -> Any:
    """Make the logger that the settings ask for.

    Raises RuntimeError with Gunicorn's text for a class that is not there and a configuration that cannot be used; and
    whatever a class of the user's raises.
    """
    with fallback_offered():
        if not config.has_logger_class:
            return Logger(config)
        logger_class = load_logger_class(config)
        return logger_class(config_for(config))


def load_logger_class(config: Config) -> Any:
    """Raises RuntimeError."""
    named = config.values["logger_class"]
    if not isinstance(named, str) and not isinstance(named, type):
        # A function that returns the class, or its name.
        named = named()
    found = named if isinstance(named, type) else find_class(named)
    install = getattr(found, "install", None)
    if install is not None:
        install()
    return found


def find_class(named: str) -> Any:
    """Raises RuntimeError."""
    try:
        if named.startswith("egg:") or "." not in named:
            load_class = import_module("gunicorn.util").load_class
            return load_class(named, DEFAULT_CLASS, "gunicorn.loggers")
        module, _, name = named.rpartition(".")
        return getattr(import_module(module), name)
    except RuntimeError:
        raise
    except Exception:
        from traceback import format_exc

        raise RuntimeError(f"class uri {named!r} invalid or not found: \n\n[{format_exc()}]") from None


def config_for(config: Config) -> Any:
    """The settings as a class of the user's gets them: of the package gunicorn, where the class has imported it."""
    return make_gunicorn_config(config) if PACKAGE in sys.modules else config


def same_class(one: Config, other: Config) -> bool:
    return bool(one.values.get("logger_class") == other.values.get("logger_class"))


def make_again(logger: Any, config: Config) -> Any:
    """A reload: the same object goes on, as with Gunicorn. Raises what its `setup` raises."""
    setup = getattr(logger, "setup", None)
    if setup is not None:
        with fallback_offered():
            setup(config if type(logger) is Logger else config_for(config))
    reopen = getattr(logger, "reopen_files", None)
    if reopen is not None:
        reopen()
    return logger
