"""The settings as a direct worker class gets them: an object of ``gunicorn.config.Config``."""

from __future__ import annotations

from importlib import import_module

from tunicorn_worker.gunicorn_package import is_fallback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tunicorn_worker.config import Config


def make_gunicorn_config(config: Config) -> Any:
    """Fill a Config of the package with our settings. They are stored as they are: the arbiter has checked them.

    Settings that are only ours, and those that the installed version does not know, are left out.
    """
    gunicorn_config = import_module("gunicorn.config").Config()
    for name, value in config.values.items():
        if name not in gunicorn_config.settings and not is_fallback():
            continue
        default = gunicorn_config.settings[name].value if name in gunicorn_config.settings else None
        if callable(default) and value is None:
            continue  # a hook that was not set: the package's own does nothing
        if callable(default) and isinstance(value, str):
            gunicorn_config.set(name, value)  # the import string of a hook, which its validator imports
        elif name in gunicorn_config.settings:
            gunicorn_config.settings[name].value = value
        else:
            gunicorn_config.set(name, value)
    return gunicorn_config
