"""Whose turn it is to read the ticket pipe: of the threads of a worker, one at a time.

Threads share an interpreter. If all of them slept at the pipe, each ticket would wake one that then waits for the
thread that runs: with 16 threads and short requests three times the processor time of one [measured]. So one waits at
the pipe, the others for their turn, and

- while requests are short, a thread keeps its turn through them, as a sync worker would; a request that takes longer
  than expected has the turn taken from its thread by the main thread, which looks every millisecond;
- after such a request, each thread passes its turn on before it calls the application, until many requests in a row
  have been short.
"""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_SECONDS = 0.001
"""How often the main thread looks: so long a request may hold up the others before it is known to be long."""
IDLE_LOOKS_MAX = 20
"""When so many looks have found nothing to do, the main thread sleeps until it is woken."""
SHORT_SECONDS = 0.001
"""A request that took less is short: one that would not have lost the turn to the main thread's look."""
SHORT_IN_A_ROW = 32
"""So many short ones in a row, and the turn is kept again: one long among a hundred then seldom holds up others."""


class Turn:
    """The turn of the threads of one worker.

    kept: through a request; else it is passed on before
    """

    def __init__(self, wake_watcher: Callable[[], None]) -> None:
        """wake_watcher: makes the main thread call `look`, from any thread."""
        self._wake_watcher = wake_watcher
        self._lock = threading.Lock()
        self._keepers: list[Callable[[], None]] = []
        self._begun = 0
        self._begun_seen = 0
        self._idle_looks = 0
        self._watched = False
        self._short = 0
        self.kept = True

    def take(self) -> None:
        """Wait for the turn."""
        self._lock.acquire()

    def pass_on(self) -> None:
        """Give the turn to whoever waits for it. Any thread may say so for the one that has it."""
        self._lock.release()

    def keep(self, take_away: Callable[[], None]) -> None:
        """Have the turn while a request runs. take_away: called by the main thread when that takes long; the turn is
        passed on after it.
        """
        self._begun += 1
        self._keepers.append(take_away)
        if not self._watched:
            self._watched = True
            self._wake_watcher()

    def still_kept(self) -> bool:
        """End what `keep` began. Returns False when the turn was taken away."""
        try:
            # Of this thread and the main one, whoever removes it first has the turn: one step, so never both.
            self._keepers.pop()
        except IndexError:
            return False
        return True

    def note(self, seconds: float) -> None:
        """Say how long a request took before which the turn was passed on."""
        if seconds >= SHORT_SECONDS:
            self._short = 0
        else:
            self._short += 1
            if self._short >= SHORT_IN_A_ROW:
                self.kept = True

    def look(self) -> float | None:
        """Take the turn away from a request that is there since the last look. The main thread's.

        Returns after how many seconds it wants to be called again; None: when it is woken.
        """
        if not self._watched:
            return None
        begun, seen = self._begun, self._begun_seen
        self._begun_seen = begun
        if begun != seen:
            self._idle_looks = 0
            return LOOK_SECONDS
        if self._take_away():
            return LOOK_SECONDS
        self._idle_looks += 1
        if self._idle_looks < IDLE_LOOKS_MAX:
            return LOOK_SECONDS
        self._idle_looks = 0
        self._watched = False
        if self._begun == begun and not self._keepers:
            return None
        self._watched = True  # One has begun just now, and may have found that it is watched.
        return LOOK_SECONDS

    def _take_away(self) -> bool:
        try:
            take_away = self._keepers.pop()
        except IndexError:
            return False
        self.kept = False
        self._short = 0
        take_away()
        self.pass_on()
        return True
