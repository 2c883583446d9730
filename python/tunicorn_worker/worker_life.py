"""A worker's life from its fork to its exit, whatever its class."""

from __future__ import annotations

import _thread
import os
import sys
import time

from tunicorn_worker.app_interface import load_served
from tunicorn_worker.app_loader import APP_LOAD_ERROR, WORKER_BOOT_ERROR, standard_modules
from tunicorn_worker.boot_failure import boot_failure
from tunicorn_worker.control_link import ControlLink
from tunicorn_worker.errors import AppImportError, BootError
from tunicorn_worker.exit_status import code_of_system_exit
from tunicorn_worker.failure_page import failure_application
from tunicorn_worker.hooks import WorkerHooks
from tunicorn_worker.identity import take_identity
from tunicorn_worker.loggers import Loggers
from tunicorn_worker.orders import WorkerEnds
from tunicorn_worker.process_title import set_process_title, title_name
from tunicorn_worker.source_reporter import begin_watching, files_of
from tunicorn_worker.spew import spew
from tunicorn_worker.stacks_file import offer_stacks
from tunicorn_worker.statsd import count_lines, statsd_of
from tunicorn_worker.worker_exit import leave
from tunicorn_worker.worker_signals import WorkerSignals

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, NoReturn, Protocol

    from tunicorn_worker.config import Config
    from tunicorn_worker.hook_server import Inherited
    from tunicorn_worker.source_reporter import SourceReporter

    class Worker(Protocol):
        """One class of workers: how it serves."""

        def __init__(self, *, number: int, control: ControlLink, lifeline: int, loggers: Loggers) -> None: ...

        def abort(self) -> None:
            """Called by a signal handler."""

        def quits_by_itself(self) -> bool:
            """Called by a signal handler, when the nursery has said `quit`: whether the worker will read that by
            itself, if the application lets it.
            """

        def describe(self, request: int, frame: FrameType | None) -> str:
            """Say where a request is, see stacks_file.Describe. Called by a signal handler."""

        def interrupt(self, frame: FrameType | None) -> None:
            """Interrupt requests that have taken longer than request_timeout. Called by a signal handler.

            frame: where the main thread was. Raises RequestTimeout there.
            """

        def run(self, application: Any, config: Config, hooks: WorkerHooks, on_ready: Callable[[], None]) -> None:
            """Serves until told to leave. Raises WorkerEnds for leaving at once, BootError.

            on_ready: to be called once, when requests can be served
            """


CRASHED = 255
"""Exit code when the loop itself fails after the worker was ready, as with Gunicorn."""
ABORTED = 1
QUIT_SECONDS = 1.5
"""For a worker that quits by itself: more than its clean-up takes, less than the arbiter waits after a second INT."""


class WorkerLife:
    """One worker process. `live` is all of it."""

    def __init__(
        self,
        find_class: Callable[[], Callable[..., Worker]],
        *,
        number: int,
        control: socket.socket,
        lifeline_fd: int,
        config: Config,
        hooks: Inherited | None = None,
    ) -> None:
        """find_class: may import what only this class of workers needs, and patch the standard library
        number: the arbiter's for this worker; control: its end of the channel to the nursery
        lifeline_fd: its end of file says that the arbiter is gone
        hooks: server and worker of the master's hooks
        """
        self._pid = os.getpid()
        self._find_class = find_class
        self._lifeline = lifeline_fd
        self._control = ControlLink(control)
        self._control.report({"ev": "started", "pid": self._pid})
        self._config = config
        self._loggers = Loggers()
        self._loggers.set_up(config)
        count_lines(self._loggers, statsd_of(config))
        self._log = self._loggers.error
        self._number = number
        self._worker: Worker | None = None
        self._inherited = hooks
        self._hooks: WorkerHooks | None = None
        self._sources: SourceReporter | None = None
        self._aborted = False
        self._serves = False
        self._interrupted = False
        self._modules: list[str] = []
        self._code = WORKER_BOOT_ERROR

    def live(self, application: object | None, *, report_modules: bool) -> NoReturn:
        """Load the application, serve, and exit.

        application: already imported by a mold; None: imported here
        report_modules: tell the nursery which standard-library modules the application brought in, which it then
            imports once for all workers that follow
        """
        at_once = False
        try:
            self._serve(application, report_modules=report_modules)
            self._code = ABORTED if self._aborted else 0
        except WorkerEnds as end:
            self._code, at_once = 0, end.at_once
            if end.told:
                self._interrupt()
        except SystemExit as end:
            self._code = exit_code(end)
            self._report_boot_failure(end)
        except AppImportError as error:
            self._log.debug("Exception while loading the application", exc_info=True)
            print(error, file=sys.stderr, flush=True)
            self._code = APP_LOAD_ERROR
            self._report_boot_failure(error)
        except BootError as error:
            self._log.error("%s", error)
            self._report_boot_failure(error)
        except Exception as error:
            self._log.exception("Exception in worker process")
            print(error, file=sys.stderr, flush=True)
            self._report_boot_failure(error)
        finally:
            self._leave(self._code, at_once=at_once)

    def _serve(self, application: object | None, *, report_modules: bool) -> None:
        """Raises whatever the application's import and `post_worker_init` raise, and what the worker's `run` raises."""
        config = self._config
        # First of all: what is imported next takes its time, and a signal's default would be the worker's end.
        signals = WorkerSignals(
            self._control, self._loggers.reopen, self._on_abort, self._on_quit, self._on_dismiss, self._on_late
        )
        signals.install()
        offer_stacks(self._control, self._describe)
        before = frozenset(sys.modules)
        worker_class = self._find_class()
        self._worker = worker_class(
            number=self._number, control=self._control, lifeline=self._lifeline, loggers=self._loggers
        )
        set_process_title(f"{config.title_prefix}worker [{title_name(config.proc_name)}]")
        self._log.info("Booting worker with pid: %s", self._pid)
        # The random module seeds itself anew in every forked child; nothing is left to do for it here.
        self._hooks = WorkerHooks(self._number, config, self._loggers, self._inherited)
        self._hooks.forked()
        os.environ.update(config.env)
        take_identity(config)
        if config.reload:
            self._sources = begin_watching(self._control.report, config)
        if config.spew:
            spew()
        if application is None:
            application = self._load(config)
        self._modules = standard_modules(before) if report_modules else []
        served = self._hooks.booted(application)
        self._worker.run(served, config, self._hooks, self._on_ready)
        self._hooks.worker.alive = False

    def _load(self, config: Config) -> Any:
        """Raises whatever the import raises; with `reload` that is shown in the application's place."""
        try:
            return load_served(config)
        except Exception as error:
            if self._sources is None:
                raise
            self._log.exception("Exception while loading the application")
            self._sources.look(files_of(error))
            return failure_application(error, asgi=config.worker_kind == "asgi")

    def _on_ready(self) -> None:
        if self._sources is not None:
            self._sources.start()
        self._serves = True
        self._control.report({"ev": "ready", "modules": self._modules})
        self._code = CRASHED

    def _report_boot_failure(self, error: BaseException) -> None:
        if not self._serves:
            self._control.report(boot_failure(error))

    def _on_abort(self) -> None:
        """SIGABRT: the timeout's first step."""
        self._aborted = True
        if self._worker is not None:
            self._worker.abort()
        if self._hooks is not None:
            self._hooks.aborted()

    def _describe(self, request: int, frame: FrameType | None) -> str:
        return "" if self._worker is None else self._worker.describe(request, frame)

    def _on_late(self, frame: FrameType | None) -> bool:
        """SIGUSR2: the arbiter has heard of a request over its limit."""
        if not self._config.request_timeout:
            return False
        if self._worker is not None:
            self._worker.interrupt(frame)
        return True

    def _on_quit(self) -> None:
        """SIGQUIT, announced by the arbiter: leave out of whatever runs."""
        if self._worker is not None and self._worker.quits_by_itself():
            # Not the threading module: what was interrupted may hold its locks.
            _thread.start_new_thread(self._leave_late, ())
            return
        self._interrupt()
        self._leave(0, at_once=True)

    def _leave_late(self) -> NoReturn:
        """In a thread: the application has not let the worker leave."""
        time.sleep(QUIT_SECONDS)
        self._interrupt()
        self._leave(0, at_once=True)

    def _on_dismiss(self) -> None:
        """SIGQUIT with a `stop`: sent to a worker that was not known to serve."""
        if not self._serves:
            self._leave(0, at_once=True)

    def _interrupt(self) -> None:
        if self._hooks is not None and not self._interrupted:
            self._interrupted = True
            self._hooks.interrupted()

    def _leave(self, code: int, *, at_once: bool) -> NoReturn:
        self._log.info("Worker exiting (pid: %s)", self._pid)
        if self._hooks is not None:
            self._hooks.exiting()
        leave(code, at_once=at_once)


def exit_code(end: SystemExit) -> int:
    """Read the exit code of a `sys.exit`, and print its text if that is what it was given."""
    code, text = code_of_system_exit(end.code)
    if text:
        print(text, file=sys.stderr, flush=True)
    return code
