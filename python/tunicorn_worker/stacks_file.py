"""A living worker shows where it is, without being disturbed: into a file that the nursery reads (channels.md §4).

By two signals. A handler in Python does it while nothing else runs, and knows tasks and greenlets; but it waits until
the main thread executes Python code. faulthandler's does not wait, and shows the main thread alone: a walk through
stacks that other threads are changing ends the process [measured: one in three hundred, with Python 3.13 one in ten].
So may one through the main thread's own while that executes Python code, hence stacks_watch.is_in_c. Of neither does
the application learn anything: reads, locks and the like are restarted by the kernel, without a look at Python's
handlers.
"""

from __future__ import annotations

import faulthandler
import fcntl
import os
import signal

# By its name: eventlet puts a function into this module that waits, which a signal handler in the hub may not.
from os import write

from tunicorn_worker.descriptors import make_nameless_file
from tunicorn_worker.stacks import format_loop, format_threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from tunicorn_worker.control_link import ControlLink

    Describe = Callable[[int, FrameType | None], str]
    """Called by a signal handler with a request's id, or 0, and with where the main thread was. Says where that request
    is; for 0, what waits in this worker besides its threads. Empty: nothing is known."""

SHOW_SIGNAL: int = signal.SIGRTMIN + 11 if hasattr(signal, "SIGRTMIN") else signal.SIGINFO  # type: ignore[attr-defined]
"""A real-time signal, for those with a name may have a meaning to the application. macOS has none of them."""
DUMP_SIGNAL: int | None = signal.SIGRTMIN + 12 if hasattr(signal, "SIGRTMIN") else None
REQUEST_BYTES = 4
"""Of the file's first word, which the nursery writes: the id of the request that is asked for, 0: the whole worker."""
END = b"\0"
"""The last byte of what the handler in Python has written. faulthandler writes none."""
REQUEST_OVER = "its request is over"
STACKS_BYTES_MAX = 262144
"""A hundred stacks of thirty calls each; more would fill logs and screens to no use."""


def offer_stacks(control: ControlLink, describe: Describe) -> None:
    """Install the handlers, then give the nursery the file. A worker that can open no more files does without."""
    try:
        descriptor = make_stacks_file()
    except OSError:
        return

    def show(_number: int, frame: FrameType | None) -> None:
        try:
            request = int.from_bytes(os.pread(descriptor, REQUEST_BYTES, 0), "little")
            text = describe_worker(request, frame, describe)
        except Exception as error:
            # It would be raised in the application.
            text = f"cannot describe the stacks: {error!r}"
        try:
            write(descriptor, text.encode(errors="backslashreplace")[:STACKS_BYTES_MAX] + END)
        except OSError:
            pass  # No memory is left; the nursery says that there was no answer.

    signal.signal(SHOW_SIGNAL, show)
    signal.siginterrupt(SHOW_SIGNAL, False)
    if DUMP_SIGNAL is not None:
        faulthandler.register(DUMP_SIGNAL, file=descriptor, all_threads=False, chain=False)
    control.report({"ev": "stacks-file"}, [descriptor])


def make_stacks_file() -> int:
    """Make the file. Returns its descriptor. Raises OSError."""
    descriptor = make_nameless_file("tunicorn-stacks")
    # What both processes write goes to the end, wherever that is by now.
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_APPEND)
    return descriptor


def describe_worker(request: int, frame: FrameType | None, describe: Describe) -> str:
    """Say where a request is; for 0, where all threads, tasks and greenlets are."""
    if request:
        return describe(request, frame) or REQUEST_OVER
    parts = (format_threads(frame), format_loop(), describe(0, frame))
    return "\n".join(part for part in parts if part)
