"""What the settings change around the application before anything of it runs: environment, directory, log files."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Environment:
    """`raw_env` in os.environ. Applied anew at each reload, after what the settings before had set is undone."""

    def __init__(self) -> None:
        self._before: dict[str, str | None] = {}

    def apply(self, wanted: Mapping[str, str]) -> None:
        """Sets these variables; those that only an earlier call has set get back the value they had before."""
        for name, before in self._before.items():
            if before is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = before
        self._before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)

    @contextmanager
    def of_the_start(self) -> Iterator[None]:
        """Without what the settings have set: a configuration that is run again sees what it saw first."""
        wanted = {name: os.environ[name] for name in self._before if name in os.environ}
        self.apply({})
        try:
            yield
        finally:
            self.apply(wanted)


KEPT_VARIABLES = ("NODE_EXTRA_CA_CERTS", "NODE_OPTIONS")
"""What bin/tunicorn keeps from our own Node processes, under a name of ours."""


def give_back_variables() -> None:
    """Gives the application the variables of Node's that the launcher put aside."""
    for name in KEPT_VARIABLES:
        value = os.environ.pop(f"TUNICORN_{name}", None)
        if value is not None:
            os.environ.setdefault(name, value)


def launch_directory() -> str:
    """The current directory under the name by which the user entered it: $PWD keeps symbolic links."""
    real = os.getcwd()
    named = os.environ.get("PWD", real)
    try:
        return named if os.path.samefile(named, real) else real
    except OSError:
        return real


def make_importable(directory: str) -> None:
    """Puts a directory first on sys.path, if it is not there yet."""
    if directory not in sys.path:
        sys.path.insert(0, directory)


def make_log_file(path: str | None) -> None:
    """Creates a log file while this process may, so that a path that cannot be written stops the start. None and
    `-` are no files.

    Raises RuntimeError with Gunicorn's text.
    """
    if path is None or path == "-":
        return
    try:
        with open(path, "a"):
            pass
    except OSError as error:
        raise RuntimeError(f"Error: {path!r} isn't writable [{error!r}]") from error
