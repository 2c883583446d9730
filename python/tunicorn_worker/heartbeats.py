"""The nursery's watch over direct workers: who serves, and who has been silent for too long."""

from __future__ import annotations

from time import monotonic

from tunicorn_worker.heartbeat import NEVER, last_beat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tunicorn_worker.children import WorkerChild
    from tunicorn_worker.family import Family
    from tunicorn_worker.node_ipc import Say

LOOK_EVERY_MS = 1000
"""As often as Gunicorn's master looks."""
FIRST_BEAT_S = 2.0
"""A class that has not beaten so long after it was entered serves all the same: some beat late, or never. Tornado's
beats after one second."""


class Heartbeats:
    """Looks at all direct workers of a family. timeout_s: 0 turns the check off."""

    def __init__(self, family: Family, say: Say) -> None:
        self._family = family
        self._say = say
        self._overdue: set[int] = set()
        self.timeout_s = 0

    @property
    def look_every_ms(self) -> int | None:
        """How often `look` must be called; None: there is nobody to look at."""
        return LOOK_EVERY_MS if any(worker.heartbeat is not None for worker in self._family.workers) else None

    def look(self) -> None:
        """Reports each worker that is silent once; the clock begins with its first beat, as with Gunicorn."""
        now = monotonic()
        workers = [worker for worker in self._family.workers if worker.heartbeat is not None]
        self._overdue &= {worker.number for worker in workers}
        for worker in workers:
            if worker.running_since is not None and now - worker.running_since >= FIRST_BEAT_S:
                self._family.note_ready(worker, worker.modules)
            silent_s = self._silence_of(worker, now)
            if self.timeout_s == 0 or silent_s <= self.timeout_s:
                self._overdue.discard(worker.number)
            elif worker.ready and worker.number not in self._overdue:
                self._overdue.add(worker.number)
                self._say("overdue", worker=worker.number, silentMs=int(silent_s * 1000))

    def _silence_of(self, worker: WorkerChild, now: float) -> float:
        assert worker.heartbeat is not None, "only direct workers are asked"
        beat = last_beat(worker.heartbeat.fileno())
        return 0.0 if beat == NEVER else now - beat
