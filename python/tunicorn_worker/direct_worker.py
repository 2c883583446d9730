"""A direct worker: a class of Gunicorn's interface that accepts clients by itself, in a process of the nursery's.

The class is made with ``(age, ppid, sockets, app, timeout, cfg, log)`` and lives in its ``init_process()``. Signals
are its own, as with Gunicorn: the nursery sends them when the arbiter says so.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from importlib import import_module
from time import monotonic, sleep

from tunicorn_worker.app_loader import APP_LOAD_ERROR, WORKER_BOOT_ERROR, standard_modules
from tunicorn_worker.boot_failure import boot_failure
from tunicorn_worker.control_link import ControlLink
from tunicorn_worker.direct_parts import DirectApplication, take_listener
from tunicorn_worker.errors import AppImportError
from tunicorn_worker.exit_status import code_of_system_exit
from tunicorn_worker.gunicorn_config import make_gunicorn_config
from tunicorn_worker.heartbeat import HeartbeatFile
from tunicorn_worker.hook_server import HookServer
from tunicorn_worker.linux import signal_with_parent
from tunicorn_worker.loggers import Loggers
from tunicorn_worker.process_title import set_process_title, title_name
from tunicorn_worker.source_reporter import begin_watching, files_of
from tunicorn_worker.spew import spew
from tunicorn_worker.stacks_file import offer_stacks
from tunicorn_worker.worker_class_loader import load_worker_class
from tunicorn_worker.worker_exit import leave

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from types import FrameType
    from typing import Any, NoReturn

    from tunicorn_worker.config import Config
    from tunicorn_worker.direct_parts import ListeningSocket
    from tunicorn_worker.hook_server import Inherited
    from tunicorn_worker.source_reporter import SourceReporter

CRASHED = 255
"""Exit code when the class fails after it has booted, as with Gunicorn."""
ENDINGS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
UNTIL_BOOTED_IGNORED = (signal.SIGUSR1, signal.SIGWINCH)
"""Their default would end the process; the class handles them once it has booted."""
ADOPTION_S = 2.0
"""It takes microseconds; this is for a machine that is starved."""
ADOPTION_POLL_S = 0.001
NOTHING_TO_DO = (signal.SIGCHLD, signal.SIGTTIN, signal.SIGTTOU)


class DirectWorker:
    """One worker process. `live` is all of it."""

    def __init__(
        self,
        *,
        number: int,
        control: socket.socket,
        lifeline_fd: int,
        config: Config,
        hooks: Inherited | None = None,
    ) -> None:
        """number: the arbiter's for this worker; control: its end of the channel to the nursery
        lifeline_fd: its end of file says that the arbiter is gone
        hooks: server and worker of the master's hooks
        """
        self._inherited = hooks
        self._pid = os.getpid()
        self._number = number
        self._lifeline = lifeline_fd
        self._config = config
        self._loggers = Loggers()
        self._worker: Any = None
        self._server: Any = None
        self._sources: SourceReporter | None = None
        self._running = False
        self._ready = False
        self._modules: list[str] = []
        self._install_early_signals()
        self._control = ControlLink(control)
        self._control.report({"ev": "started", "pid": self._pid})

    def live(self, application: object | None, *, report_modules: bool) -> NoReturn:
        """Make the worker, run it, exit.

        application: already imported by a mold; None: imported here
        report_modules: tell the nursery which standard-library modules were brought in
        """
        code = WORKER_BOOT_ERROR
        try:
            self._loggers.set_up(self._config)
            offer_stacks(self._control, lambda _request, _frame: "")
            self._boot(application, report_modules=report_modules)
            code = 0
        except SystemExit as end:
            code, text = code_of_system_exit(end.code)
            if text:
                print(text, file=sys.stderr, flush=True)
        except Exception as error:
            if self._sources is not None:
                self._sources.look(files_of(error))
            code = self._report_failure(error)
        finally:
            self._leave(code)

    def _boot(self, application: object | None, *, report_modules: bool) -> None:
        """Returns when the class's loop has ended. Raises whatever it raises."""
        config = self._config
        set_process_title(f"{config.title_prefix}worker [{title_name(config.proc_name)}]")
        before = frozenset(sys.modules)
        heartbeat, sockets = self._take_descriptors()
        worker_class = load_worker_class(config.worker_class)
        gunicorn_config = make_gunicorn_config(config)
        if config.reload:
            self._sources = begin_watching(self._control.report, config)
            # Gunicorn's classes would watch as well, and end their worker before there is another.
            gunicorn_config.set("reload", False)
        if config.spew:
            spew()
        log = self._loggers.python or gunicorn_config.logger_class(gunicorn_config)
        app = DirectApplication(config, gunicorn_config, worker_class, application)
        parent = os.getppid()
        # Most classes look for a change of parent by themselves. One that does not is told.
        signal_with_parent(parent, signal.SIGTERM)
        worker = worker_class(self._number, parent, sockets, app, config.timeout / 2, gunicorn_config, log)
        self._worker = worker
        worker.pid = self._pid
        self._meet_hooks(worker, gunicorn_config, log)
        worker.tmp.close()
        worker.tmp = HeartbeatFile(heartbeat, self._on_beat)
        run = worker.run

        def run_and_tell() -> None:
            if not getattr(worker, "alive", True):
                return  # It was told to leave while it booted. Tornado's class would forget that when it begins to run.
            if self._sources is not None:
                self._sources.start()
            self._modules = standard_modules(before) if report_modules else []
            self._running = True
            self._control.report({"ev": "running", "modules": self._modules})
            beat_at_start(worker)
            run()

        worker.run = run_and_tell
        log.info("Booting worker with pid: %s", self._pid)
        gunicorn_config.post_fork(self._server, worker)
        worker.init_process()

    def _meet_hooks(self, worker: Any, gunicorn_config: Any, log: Any) -> None:
        """What `pre_fork` has left on its worker is found on the class's own object."""
        if self._inherited is None:
            self._server = HookServer(self._config, log)
        else:
            self._server, hooked = self._inherited
            vars(worker).update(hooked.left())
        self._server.enter_worker(worker, gunicorn_config, log)

    def _on_beat(self) -> None:
        """The first beat of the loop says that the class serves: until then it may still be opening its sockets."""
        if self._running and not self._ready:
            self._ready = True
            self._control.report({"ev": "ready", "modules": self._modules})

    def _take_descriptors(self) -> tuple[int, list[ListeningSocket]]:
        """Wait for what the nursery sends first: the heartbeat's file, and the listening sockets."""
        heartbeat = -1
        sockets: list[ListeningSocket] = []
        poll = select.poll()
        poll.register(self._control.fileno(), select.POLLIN)
        poll.register(self._lifeline, select.POLLIN)
        while not self._control.ended:
            if any(descriptor == self._lifeline for descriptor, _ in poll.poll()):
                break
            for message in self._control.receive():
                if message["cmd"] == "heartbeat":
                    heartbeat = require_descriptor(self._control)
                elif message["cmd"] == "listener":
                    sockets.append(take_listener(require_descriptor(self._control), message))
                elif message["cmd"] == "begin":
                    wait_for_parent(message["parent"])
                    return heartbeat, sockets
        sys.exit(0)

    def _install_early_signals(self) -> None:
        """Until the class installs its own: to leave is to leave at once, and the log is opened later anyway."""
        signal.set_wakeup_fd(-1)
        for number in NOTHING_TO_DO:
            signal.signal(number, signal.SIG_DFL)
        for number in UNTIL_BOOTED_IGNORED:
            signal.signal(number, signal.SIG_IGN)
        for number in ENDINGS:
            signal.signal(number, self._end_early)

    def _end_early(self, _number: int, _frame: FrameType | None) -> None:
        leave(0, at_once=True)

    def _report_failure(self, error: Exception) -> int:
        """Say what Gunicorn says; returns the exit code."""
        log = self._loggers.error
        if not self._ready:
            self._control.report(boot_failure(error))
        if is_app_import_error(error):
            log.debug("Exception while loading the application", exc_info=True)
            print(error, file=sys.stderr, flush=True)
            return APP_LOAD_ERROR
        log.exception("Exception in worker process")
        if self._worker is not None and self._worker.booted:
            return CRASHED
        print(error, file=sys.stderr, flush=True)
        return WORKER_BOOT_ERROR

    def _leave(self, code: int) -> NoReturn:
        self._loggers.error.info("Worker exiting (pid: %s)", self._pid)
        if self._worker is not None:
            try:
                self._worker.cfg.worker_exit(self._server, self._worker)
            except Exception:
                self._loggers.error.warning("Exception during worker exit", exc_info=True)
        leave(code)


def require_descriptor(control: ControlLink) -> int:
    """Take what came with a command. Raises OSError when it came without: this process may open no more."""
    descriptor = control.take_descriptor()
    if descriptor is None:
        raise OSError("a command of the nursery came without its descriptor")
    return descriptor


def wait_for_parent(nursery: int) -> None:
    """Wait until the nursery is the parent: between it and a mold's worker there is a process that is about to end.

    Where there are no subreapers it never is; the worker then keeps the parent that it has.
    """
    given_up = monotonic() + ADOPTION_S
    while os.getppid() != nursery and monotonic() < given_up:
        sleep(ADOPTION_POLL_S)


def is_app_import_error(error: Exception) -> bool:
    """Ours, or that of the gunicorn package."""
    return isinstance(error, (AppImportError, import_module("gunicorn.errors").AppImportError))


def beat_at_start(worker: Any) -> None:
    """Tornado's loop beats for the first time after a second; one beat when it starts says that it serves."""
    if any(base.__module__ == "gunicorn.workers.gtornado" for base in type(worker).__mro__):
        import_module("tornado.ioloop").IOLoop.current().add_callback(worker.notify)
