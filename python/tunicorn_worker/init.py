"""A small PID 1. The arbiter is a Node program, and Node reaps only its own children; under this one nothing stays
a zombie.
"""

from __future__ import annotations

import os
import signal
import sys

from tunicorn_worker.exit_status import shell_code
from tunicorn_worker.linux import become_subreaper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

SI_KERNEL = 0x80
"""si_code of a signal from a terminal (sigaction(2)): the whole foreground group got it already."""

# Those that a program causes itself cannot be passed on, and must not be blocked.
OWN_FAULTS = {
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGILL,
    signal.SIGSEGV,
    signal.SIGSYS,
    signal.SIGTRAP,
    signal.SIGABRT,
}
NOT_FOUND_CODE = 127
NOT_EXECUTABLE_CODE = 126


def run_init(command: Sequence[str]) -> int:
    """Runs a command as the child of this process, passes every signal on to it, and collects whatever ends.

    command: program and arguments, the program searched on PATH.

    Returns the command's exit code; 128 + n when signal n killed it; 127 or 126 when it could not be started.
    """
    blocked = signal.valid_signals() - OWN_FAULTS - {signal.SIGKILL, signal.SIGSTOP}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    # Whoever started this may have ignored it: the kernel would then collect the children itself and tell nobody.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if os.getpid() != 1:
        become_subreaper()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, other programs should not have to
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a Ctrl-C before the exec is no traceback of ours
        adopt_variables()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        execute(command)
    while True:
        information = signal.sigwaitinfo(blocked)
        if information.si_signo == signal.SIGCHLD:
            status = collect(child)
            if status is not None:
                return shell_code(status)
        elif information.si_code != SI_KERNEL:
            # Not collected yet, so its pid is still its own.
            os.kill(child, information.si_signo)


def adopt_variables() -> None:
    """What a service manager, or a container's engine, has meant for the process that it started is for its child."""
    for name in ("LISTEN_PID", "WATCHDOG_PID"):
        if os.environ.get(name) == str(os.getppid()):
            os.environ[name] = str(os.getpid())


def collect(awaited: int) -> int | None:
    """Reaps everything that has ended; returns the wait status of the awaited child if it is among them."""
    found: int | None = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == awaited:
            found = status


def execute(command: Sequence[str]) -> None:
    """Becomes the command; does not return."""
    try:
        os.execvp(command[0], list(command))
    except OSError as error:
        sys.stderr.write(f"tunicorn init: cannot start {command[0]!r}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(NOT_FOUND_CODE if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE_CODE)
