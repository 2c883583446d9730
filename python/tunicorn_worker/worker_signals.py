"""What signals do to a worker: it reports them, and the arbiter decides.

A signal to the process group reaches the worker and the arbiter alike; a worker that acted on it would leave before its
replacement is there. Three are acted on: SIGQUIT when the arbiter announced it, by `quit` or, to a worker that boots,
by `stop`; SIGABRT, the timeout; and SIGUSR2, by which it asks to look for a request that has had its time.
"""

from __future__ import annotations

import os
import signal
import sys

from tunicorn_worker.loggers import error_log
from tunicorn_worker.stacks import format_threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from tunicorn_worker.control_link import ControlLink

REPORTED = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGWINCH,
)
LEFT_ALONE = (signal.SIGCHLD, signal.SIGTTIN, signal.SIGTTOU)
"""Handled in the nursery, of which a worker is a copy; the application gets their defaults."""


class WorkerSignals:
    """The handlers of one worker process."""

    def __init__(
        self,
        control: ControlLink,
        reopen_logs: Callable[[], None],
        on_abort: Callable[[], None],
        on_quit: Callable[[], None],
        on_dismiss: Callable[[], None],
        on_late: Callable[[FrameType | None], bool],
    ) -> None:
        """on_abort: called before SystemExit is raised in whatever runs
        on_quit: leaves, at once or soon; on_dismiss: leaves unless requests are served already
        on_late: called with where the main thread was; may raise RequestTimeout. False: requests have no limit.
        """
        self._control = control
        self._reopen_logs = reopen_logs
        self._on_abort = on_abort
        self._on_quit = on_quit
        self._on_dismiss = on_dismiss
        self._on_late = on_late
        self._log = error_log()

    def install(self) -> None:
        signal.set_wakeup_fd(-1)
        for number in LEFT_ALONE:
            signal.signal(number, signal.SIG_DFL)
        for number in REPORTED:
            signal.signal(number, self._on_reported)
            # Calls of C libraries must not fail with EINTR because somebody pressed Ctrl-C for the whole group.
            signal.siginterrupt(number, False)
        signal.signal(signal.SIGABRT, self._abort)
        # Not as those above: a call that waits is to be interrupted.
        signal.signal(signal.SIGUSR2, self._look_for_late)

    def _on_reported(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGQUIT:
            waiting = self._control.waiting()
            if "quit" in waiting:
                self._on_quit()
                return
            if "stop" in waiting:
                self._on_dismiss()
                return
        self._control.report({"ev": "signalled", "signal": signal.Signals(number).name.removeprefix("SIG")})
        if number == signal.SIGUSR1:
            self._reopen_logs()

    def _look_for_late(self, number: int, frame: FrameType | None) -> None:
        if not self._on_late(frame):
            self._on_reported(number, frame)

    def _abort(self, _number: int, frame: FrameType | None) -> None:
        # Before it lets threads leave that wait for something.
        stacks = format_threads(frame)
        self._on_abort()
        self._log.error("stacks of all threads at SIGABRT pid=%d\n%s", os.getpid(), stacks)
        sys.exit(1)
