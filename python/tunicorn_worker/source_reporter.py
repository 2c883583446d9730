"""With `reload`: tells the arbiter which source files this worker's code came from. It watches them, once for all."""

from __future__ import annotations

import os
import sys
import warnings
from time import sleep

from tunicorn_worker.loggers import error_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from tunicorn_worker.config import Config
    from tunicorn_worker.line_channel import Message

LOOK_AGAIN_S = 1.0
"""Modules that are imported late, and new files that a pattern fits, are found this much later."""
PATTERN_MARKS = frozenset("*?[")
PACKAGES = ("site-packages", "dist-packages")


class SourceReporter:
    """Reports each file once."""

    def __init__(self, report: Callable[[Message], None], extra_files: Iterable[str]) -> None:
        """report: may be called from a thread
        extra_files: `reload_extra_files`, paths and patterns
        """
        self._report = report
        self._extra = tuple(extra_files)
        self._known: set[str] = set()
        self._library = os.path.dirname(os.__file__)

    def start(self) -> None:
        """Report what is there now, and from a thread whatever comes."""
        from threading import Thread  # Only with `reload`.

        self.look()
        Thread(target=self._watch, name="reload", daemon=True).start()

    def look(self, more: Iterable[str] = ()) -> None:
        """more: files that are no module's, those of a traceback for example"""
        files = {*self._modules(), *self._extra_files(), *more}
        files |= {os.path.realpath(file) for file in files}
        new = sorted(files - self._known)
        if new:
            self._known.update(new)
            self._report({"ev": "sources", "files": new})

    def _watch(self) -> None:
        while True:
            sleep(LOOK_AGAIN_S)
            self.look()

    def _modules(self) -> Iterable[str]:
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and not self._is_library(file):
                # Of a module that came without its source there is only this.
                yield file[:-1] if file.endswith((".pyc", ".pyo")) else file

    def _is_library(self, file: str) -> bool:
        """Python's own modules do not change while somebody works on an application; packages may."""
        return file.startswith(self._library) and not any(name in file for name in PACKAGES)

    def _extra_files(self) -> Iterable[str]:
        for entry in self._extra:
            if PATTERN_MARKS.isdisjoint(entry):
                yield os.path.abspath(entry)
                continue
            from glob import glob

            found = [os.path.abspath(path) for path in glob(entry, recursive=True) if os.path.isfile(path)]
            if not found:
                warnings.warn(f"Pattern {entry} currently matches no files.", RuntimeWarning, stacklevel=2)
            yield from found


def begin_watching(report: Callable[[Message], None], config: Config) -> SourceReporter:
    """With `reload`, before anything of the application's is imported."""
    error_log().warning("Reloader is on. Use in development only!")
    # A file that is saved twice in one second at the same length would be taken from its stale bytecode.
    sys.dont_write_bytecode = True
    return SourceReporter(report, config.reload_extra_files or ())


def files_of(error: BaseException) -> set[str]:
    """List the files that an error came from: one of them has to change before it goes away."""
    files = {error.filename} if isinstance(error, SyntaxError) and error.filename else set()
    step: TracebackType | None = error.__traceback__
    while step is not None:
        files.add(step.tb_frame.f_code.co_filename)
        step = step.tb_next
    return {os.path.abspath(file) for file in files if os.path.isfile(file)}
