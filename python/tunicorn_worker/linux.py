"""The calls of Linux that Python's standard library lacks. ctypes is imported only when they are made: it costs
as much as all our other imports.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
SFD_FLAGS = (
    0o2000000 | 0o4000
)  # SFD_CLOEXEC | SFD_NONBLOCK, <sys/signalfd.h>, as on every architecture that Node runs on
SIGSET_BYTES = 128  # sigset_t of glibc and musl


def become_subreaper() -> bool:
    """Makes orphans among this process's descendants, those that exist included, its children (prctl(2)). False
    where that cannot be had.
    """
    return control_process(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Has the kernel kill this process when `parent`, which forked it, ends; what this process forks is not concerned.

    Elsewhere than on Linux nothing happens.
    """
    signal_with_parent(parent, signal.SIGKILL)


def signal_with_parent(parent: int, number: signal.Signals) -> None:
    """Has the kernel send this process a signal when `parent`, which forked it, ends. See `die_with_parent`."""
    if control_process(PR_SET_PDEATHSIG, number) and os.getppid() != parent:
        os.kill(os.getpid(), number)  # it had ended before the call


def control_process(option: int, value: int) -> bool:
    """Calls prctl(2). False where that cannot be had."""
    if sys.platform != "linux":
        return False
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def open_signal_descriptor(signals: Iterable[int]) -> int | None:
    """A descriptor that is readable while one of these blocked signals waits (signalfd(2)); None where that cannot
    be had.
    """
    if sys.platform != "linux":
        return None
    try:
        import ctypes

        library = ctypes.CDLL(None)
        signal_set = ctypes.create_string_buffer(SIGSET_BYTES)
        library.sigemptyset(signal_set)
        for number in signals:
            library.sigaddset(signal_set, int(number))
        descriptor = int(library.signalfd(-1, signal_set, SFD_FLAGS))
    except (ImportError, OSError, AttributeError):
        return None
    return descriptor if descriptor >= 0 else None
