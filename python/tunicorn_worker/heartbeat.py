"""The heartbeat of direct workers: the time of a file that only the worker and the nursery know.

Its modification time is the monotonic clock, as with Gunicorn, whose classes set it by ``worker.notify()``.
"""

from __future__ import annotations

import os
from time import monotonic

from tunicorn_worker.descriptors import make_nameless_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

NEVER = 0.0
"""The time of a file on which nobody has beaten yet."""


def make_heartbeat_file() -> int:
    """Returns the file's descriptor. Raises OSError."""
    descriptor = make_nameless_file("tunicorn-heartbeat")
    os.utime(descriptor, (NEVER, NEVER))
    return descriptor


def last_beat(descriptor: int) -> float:
    """The moment of the last beat on the monotonic clock, in seconds, or NEVER."""
    return os.fstat(descriptor).st_mtime


class HeartbeatFile:
    """The worker's side, in the place of Gunicorn's WorkerTmp as ``worker.tmp``."""

    def __init__(self, descriptor: int, on_beat: Callable[[], None]) -> None:
        """on_beat: called at every beat, after it"""
        self._descriptor = descriptor
        self._on_beat = on_beat

    def notify(self) -> None:
        now = monotonic()
        os.utime(self._descriptor, (now, now))
        self._on_beat()

    def last_update(self) -> float:
        return last_beat(self._descriptor)

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        os.close(self._descriptor)
