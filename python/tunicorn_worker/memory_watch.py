"""The nursery's watch over its workers' memory (max_worker_memory, max_worker_memory_hard)."""

from __future__ import annotations

import os
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tunicorn_worker.config import Config
    from tunicorn_worker.family import Family
    from tunicorn_worker.node_ipc import Say

LOOK_EVERY_MS = 1000
"""A loop that fills a list takes a gigabyte in a few seconds; a look costs ten microseconds for each worker."""
MIB = 1 << 20


class MemoryWatch:
    """Looks at all workers of a family, and reports each limit that one has crossed once."""

    def __init__(self, family: Family, say: Say) -> None:
        self._family = family
        self._say = say
        self._soft = 0
        self._hard = 0
        self._due = 0.0
        self._reported: set[tuple[int, bool]] = set()

    def configure(self, config: Config) -> None:
        """Take the limits; 0 is none."""
        self._soft = config.max_worker_memory * MIB
        self._hard = config.max_worker_memory_hard * MIB
        if (self._soft or self._hard) and resident_bytes(os.getpid()) is None:
            self._soft = self._hard = 0
            text = "workers' memory is not limited: this system does not show it (no /proc/PID/statm)"
            self._say("log", level="warning", text=text)

    @property
    def look_every_ms(self) -> int | None:
        """How often `look` must be called; None: nothing is limited."""
        return LOOK_EVERY_MS if self._soft or self._hard else None

    def look(self) -> None:
        """Measure, when it is time."""
        now = monotonic()
        if not (self._soft or self._hard) or now < self._due:
            return
        self._due = now + LOOK_EVERY_MS / 1000
        workers = [worker for worker in self._family.workers if worker.pid is not None]
        numbers = {worker.number for worker in workers}
        self._reported = {entry for entry in self._reported if entry[0] in numbers}
        for worker in workers:
            size = resident_bytes(worker.pid or 0)
            if size is None:
                continue
            # While it boots, the hard limit alone: what it needs for the application another would need as well.
            for limit, hard in ((self._hard, True), (self._soft if worker.ready else 0, False)):
                if limit and size > limit and (worker.number, hard) not in self._reported:
                    self._reported.add((worker.number, hard))
                    self._say("memory", worker=worker.number, bytes=size, limitBytes=limit, hard=hard)
                    break


def resident_bytes(pid: int) -> int | None:
    """Return a process's resident memory, or None when it is gone, or where there is no /proc."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return None
