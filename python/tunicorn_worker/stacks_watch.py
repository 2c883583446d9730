"""The nursery asks living workers for their stacks, and waits for the answers (see stacks_file.py)."""

from __future__ import annotations

import os
from time import monotonic

from tunicorn_worker.stacks_file import DUMP_SIGNAL, END, REQUEST_BYTES, SHOW_SIGNAL, STACKS_BYTES_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tunicorn_worker.children import WorkerChild
    from tunicorn_worker.family import Family
    from tunicorn_worker.node_ipc import Say

LOOK_EVERY_MS = 10
"""While an answer is awaited. One that is made while Python runs is there within a few milliseconds."""
SHOW_S = 1.0
"""Faulthandler is not asked before: gevent's hub looks for signals three times a second only, a worker on a busy
machine waits for its processor."""
COMPUTED_S = 0.5
"""So much of a processor's time without a look at the signal is C code: Python code looks within microseconds of it."""
GIVE_UP_S = 5.0
"""A machine that does not give a worker any time for so long has other troubles."""
DUMP_S = 1.0
"""For faulthandler, which needs milliseconds unless the process is stopped."""
STOPPED = "T"
"""The state of a process that SIGSTOP has stopped."""
DUMPED_S = 0.05
"""What faulthandler writes has no end mark: it is taken for whole when nothing was added for so long."""
BY_FAULTHANDLER = "the main thread alone, as faulthandler shows it: no Python code runs there\n"
ASKS_MAX = 16
"""For one worker, so many may wait; who asks more often than is answered is sent away."""


class Ask:
    """One question to a worker, and how far it has come."""

    def __init__(self, number: int, request: int) -> None:
        self.number = number
        self.request = request
        self.begun = 0.0
        self.begun_cpu = 0.0
        self.dumped = 0.0
        self.size = 0
        self.size_since = 0.0


class StacksWatch:
    """Asks, one question at a time for each worker, and says what came."""

    def __init__(self, family: Family, say: Say) -> None:
        self._family = family
        self._say = say
        self._asks: dict[int, list[Ask]] = {}

    @property
    def look_every_ms(self) -> int | None:
        """How often `look` must be called; None: nothing is awaited."""
        return LOOK_EVERY_MS if self._asks else None

    def ask(self, number: int, ask: int, request: int) -> None:
        """`stacks` with that number follows, always. request: what to describe, 0 for everything."""
        asks = self._asks.setdefault(number, [])
        asks.append(Ask(ask, request))
        if len(asks) > ASKS_MAX:
            self._answer(number, asks.pop(), "cannot show its stacks: it is asked for them too often")
        elif len(asks) == 1:
            self._begin(number)

    def look(self) -> None:
        """See what has come; give up what has not."""
        for number in list(self._asks):
            self._look_at(number, self._asks[number][0], monotonic())

    def _begin(self, number: int) -> None:
        """Put the first question that waits for a worker."""
        asks = self._asks[number]
        while asks:
            worker = self._family.workers.get(number)
            obstacle = self._obstacle(worker)
            if worker is not None and obstacle is None:
                put(worker, asks[0])
                return
            self._answer(number, asks.pop(0), f"cannot show its stacks: {obstacle}")
        del self._asks[number]

    def _obstacle(self, worker: WorkerChild | None) -> str | None:
        if worker is None:
            return "it is no worker of this nursery"
        if worker.pid is None or worker.stacks is None:
            return "it has only just been forked"
        if not handles(worker.pid, SHOW_SIGNAL):
            # Whoever gets the signal without a handler dies of it.
            return "its application has taken the signal for itself"
        return None

    def _look_at(self, number: int, ask: Ask, now: float) -> None:
        worker = self._family.workers.get(number)
        if worker is None or worker.pid is None or worker.stacks is None:
            self._finish(number, "cannot show its stacks: it has ended")
            return
        text = os.pread(worker.stacks.fileno(), 2 * STACKS_BYTES_MAX, REQUEST_BYTES)
        if len(text) != ask.size:
            ask.size, ask.size_since = len(text), now
        if text.endswith(END):
            # Before it there may be another one: the answer to a question that was given up.
            self._finish(number, text[: -len(END)].rpartition(END)[2].decode(errors="replace"))
        elif ask.dumped and text and now - ask.size_since >= DUMPED_S:
            self._finish(number, BY_FAULTHANDLER + text.decode(errors="replace").rstrip())
        elif is_hopeless(ask, worker.pid, now):
            self._finish(number, f"cannot show its stacks: it does not answer, its state is {state_of(worker.pid)}")
        elif not ask.dumped and now - ask.begun >= SHOW_S and is_in_c(worker.pid, ask.begun_cpu):
            ask.dumped = now
            if DUMP_SIGNAL is not None and handles(worker.pid, DUMP_SIGNAL):
                os.kill(worker.pid, DUMP_SIGNAL)

    def _finish(self, number: int, text: str) -> None:
        asks = self._asks[number]
        self._answer(number, asks.pop(0), text)
        self._begin(number)

    def _answer(self, worker: int, ask: Ask, text: str) -> None:
        self._say("stacks", worker=worker, ask=ask.number, text=text)


def put(worker: WorkerChild, ask: Ask) -> None:
    """Write the question and send the signal."""
    assert worker.pid is not None, "it has been forked"
    assert worker.stacks is not None, "it shows its stacks"
    os.ftruncate(worker.stacks.fileno(), 0)
    os.write(worker.stacks.fileno(), ask.request.to_bytes(REQUEST_BYTES, "little"))
    ask.begun = monotonic()
    ask.begun_cpu = main_thread(worker.pid)[1]
    os.kill(worker.pid, SHOW_SIGNAL)


def is_hopeless(ask: Ask, pid: int, now: float) -> bool:
    """Whether no answer will come in a time in which somebody waits for it."""
    waited = now - ask.begun
    if ask.dumped:
        return now - ask.dumped >= DUMP_S
    return waited >= GIVE_UP_S or (waited >= SHOW_S and main_thread(pid)[0] == STOPPED)


def is_in_c(pid: int, begun_cpu: float) -> bool:
    """Whether the main thread of a process that has had SHOW_SIGNAL a while ago, and has not answered, is in the kernel
    or in C code. One that had not run since might be in the middle of Python code: it is runnable, and has not run.

    begun_cpu: its processor time at the signal, seconds
    """
    state, cpu = main_thread(pid)
    return state in ("S", "D") or (state == "R" and cpu - begun_cpu >= COMPUTED_S)


def main_thread(pid: int) -> tuple[str, float]:
    """Return state and processor time of a process's main thread: ``("S", 1.5)``; ``("", 0.0)`` where nobody tells."""
    try:
        with open(f"/proc/{pid}/task/{pid}/stat", "rb") as file:
            # The name, in parentheses, may hold anything.
            fields = file.read().rpartition(b")")[2].split()
        return fields[0].decode(), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return "", 0.0


def handles(pid: int, number: int) -> bool:
    """Whether a process has a handler for a signal; where that cannot be known (macOS), it is believed to."""
    try:
        caught = int(status_field(pid, "SigCgt"), 16)
    except (OSError, ValueError):
        return True
    return bool(caught >> (number - 1) & 1)


def state_of(pid: int) -> str:
    """``"T (stopped)"``, as /proc says it."""
    try:
        return status_field(pid, "State")
    except (OSError, ValueError):
        return "unknown"


def status_field(pid: int, name: str) -> str:
    """A field of /proc/PID/status. Raises OSError, ValueError."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(f"{name}:"):
                return line.partition(":")[2].strip()
    raise ValueError(f"no {name} in /proc/{pid}/status")
