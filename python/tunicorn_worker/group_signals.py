"""Signals in the nursery. The whole process group gets them, but only the arbiter acts on them.

They are blocked, not handled, because a Python handler does not learn who sent a signal: one that a child of the
nursery sent
(an application's ``os.kill(os.getppid(), signal.SIGHUP)``) is meant for the master, and is passed on.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager

from tunicorn_worker.descriptors import Descriptor
from tunicorn_worker.linux import open_signal_descriptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from tunicorn_worker.descriptors import Holdings
    from tunicorn_worker.poller import Poller

# What a Gunicorn master acts on. TTIN and TTOU would stop a process that leaves them alone.
MASTER_SIGNALS = frozenset(
    {
        signal.SIGHUP,
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGTERM,
        signal.SIGTTIN,
        signal.SIGTTOU,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGWINCH,
    }
)
# Where signals cannot wake the loop (no signalfd), it looks this often.
LOOK_EVERY_MS = 1000


def ignore(_number: int, _frame: FrameType | None) -> None:
    """A handler that does nothing. Unlike SIG_IGN it is not inherited by programs that are started from here."""


class GroupSignals:
    """Blocks the master's signals in this process, and reports which of them came from its children."""

    def __init__(self, holdings: Holdings) -> None:
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, MASTER_SIGNALS)
        for number in MASTER_SIGNALS:
            signal.signal(number, ignore)
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        self._wakeup = holdings.hold(Descriptor(reader))
        self._wakeup_writer = holdings.hold(Descriptor(writer))
        self._descriptor: Descriptor | None = None
        self._holdings = holdings
        signal.signal(signal.SIGCHLD, ignore)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def watch_children(self, poller: Poller, on_child: Callable[[], None]) -> None:
        """Calls `on_child` after a child has changed its state."""

        def wake() -> None:
            try:
                os.read(self._wakeup.fileno(), 4096)
            except BlockingIOError:
                return
            on_child()

        poller.watch(self._wakeup.fileno(), wake)

    def watch_senders(self, poller: Poller, on_signal: Callable[[], None]) -> None:
        """Calls `on_signal` when one of the master's signals waits. Needs ctypes; until it is called they just wait."""
        number = open_signal_descriptor(MASTER_SIGNALS)
        if number is not None:
            self._descriptor = self._holdings.hold(Descriptor(number))
            poller.watch(number, on_signal)

    @property
    def look_every_ms(self) -> int | None:
        """How often `take` must be called besides, in milliseconds; None: only when `on_signal` says so."""
        can_look = hasattr(signal, "sigtimedwait")
        return LOOK_EVERY_MS if self._descriptor is None and can_look else None

    def take(self) -> list[tuple[str, int]]:
        """The signals that have come: name without SIG, and the sender's pid, 0 for the kernel (a terminal)."""
        taken: list[tuple[str, int]] = []
        if not hasattr(signal, "sigtimedwait"):  # macOS: nobody can tell who sent it, so none is passed on
            return taken
        while True:
            information = signal.sigtimedwait(MASTER_SIGNALS, 0)
            if information is None:
                return taken
            taken.append((signal.Signals(information.si_signo).name.removeprefix("SIG"), information.si_pid))

    @contextmanager
    def unblocked(self) -> Iterator[None]:
        """While the user's code runs here: programs that it starts must not inherit the blocked mask.

        What arrives meanwhile is lost, a worker's signal to the master included; that is the lesser evil.
        """
        blocked = signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def release_in_child(self, *, deaf: bool) -> None:
        """In a forked child: as a fresh process, or (`deaf`, a mold) with the master's signals received and
        forgotten.
        """
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if not deaf:
            reset_master_signals()
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)


def reset_master_signals() -> None:
    """Gives the master's signals their default actions. SIGINT kills silently: no traceback of ours at an early
    Ctrl-C.
    """
    for number in MASTER_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
