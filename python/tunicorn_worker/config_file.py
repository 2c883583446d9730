"""Runs the user's configuration: a Python file, or a module (``-c python:pkg.mod``)."""

from __future__ import annotations

import os
import sys

from tunicorn_worker.exit_status import code_of_system_exit
from tunicorn_worker.python_value import describe_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType, TracebackType

    from tunicorn_worker.line_channel import Message

CONFIG_MODULE = "__config__"
"""The name under which the file is executed; part of Gunicorn's contract, hooks pickle and log it."""


class ConfigOutcome:
    """What became of one run. `values` are the live objects, by name, in the order of their definition."""

    def __init__(self, status: str, values: dict[str, object] | None = None, text: str = "", code: int = 0) -> None:
        self.status = status  # "ok", "missing", "failed", "exited"
        self.values = values or {}
        self.text = text
        self.code = code

    def as_message(self) -> Message:
        return {
            "ev": "config-ran",
            "status": self.status,
            "values": [[name, describe_value(value)] for name, value in self.values.items()],
            "text": self.text,
            "code": self.code,
        }


def run_config(kind: str, location: str, names: Iterable[str]) -> ConfigOutcome:
    """Runs a configuration and picks the settings out of its globals.

    kind: ``"file"`` with an absolute path as location, or ``"module"`` with a dotted name, which is imported as
    usual (so, as
    with Gunicorn, a second run of a module reads nothing again).
    names: the names of all settings; other globals are the file's own business.

    Raises nothing: what went wrong is in the outcome.
    """
    if kind == "file" and not os.path.exists(location):
        return ConfigOutcome("missing", text=f"{location!r} doesn't exist", code=1)
    try:
        module = execute_file(location) if kind == "file" else import_module(location)
    except SystemExit as leaving:
        code, text = code_of_system_exit(leaving.code)
        return ConfigOutcome("exited", text=text, code=code)
    except BaseException as error:
        if kind == "module" and isinstance(error, ModuleNotFoundError) and is_part_of(error.name, location):
            return ConfigOutcome("missing", text=str(error), code=1)
        return ConfigOutcome("failed", text=describe_failure(error), code=1)
    wanted = frozenset(names)
    return ConfigOutcome("ok", {name: value for name, value in vars(module).items() if name in wanted})


def execute_file(path: str) -> ModuleType:
    """Executes a file as the module `__config__`, which stays in sys.modules. Only a `.pyc` may be compiled code."""
    from importlib.machinery import SourceFileLoader, SourcelessFileLoader
    from importlib.util import module_from_spec, spec_from_file_location

    loader: SourceFileLoader | SourcelessFileLoader
    loader = (SourcelessFileLoader if path.endswith(".pyc") else SourceFileLoader)(CONFIG_MODULE, path)
    spec = spec_from_file_location(CONFIG_MODULE, path, loader=loader)
    assert spec is not None, "a loader was given, so there is a spec"
    module = module_from_spec(spec)
    sys.modules[CONFIG_MODULE] = module
    if isinstance(loader, SourceFileLoader):
        # Not exec_module: its cache of compiled code knows seconds only, and would miss an edit made in the second of
        # the last run.
        exec(loader.source_to_code(loader.get_data(path), path), vars(module))
    else:
        loader.exec_module(module)
    return module


def import_module(name: str) -> ModuleType:
    from importlib import import_module as import_by_name

    return import_by_name(name)


def is_part_of(missing: str | None, dotted: str) -> bool:
    """Whether the module that was not found is the one asked for, or a package around it, and not one that it
    imports.
    """
    return missing is not None and f"{dotted}.".startswith(f"{missing}.")


def describe_failure(error: BaseException) -> str:
    """The traceback as the author of the configuration wants it: without the frames of ours and of the import
    system.
    """
    from traceback import format_exception

    frames: TracebackType | None = error.__traceback__
    while frames is not None and is_machinery(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return "".join(format_exception(type(error), error, frames))


def is_machinery(filename: str) -> bool:
    return (
        filename == __file__
        or filename.startswith("<frozen importlib")
        or filename.endswith(f"importlib{os.sep}__init__.py")
    )
