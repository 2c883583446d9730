"""The nursery's worker processes: its own children, and the orphans that a nursery before it has left."""

from __future__ import annotations

import os
import signal

from tunicorn_worker.descriptors import Descriptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tunicorn_worker.descriptors import Holdings
    from tunicorn_worker.hook_objects import HookWorker
    from tunicorn_worker.line_channel import LineChannel
    from tunicorn_worker.poller import Poller

# Where the system has no pidfd, this often it is asked whether an orphan still lives.
LOOK_EVERY_MS = 1000


class WorkerChild:
    """A worker. Its pid is unknown until the mold that forks it has said it; a signal meant for it waits until then."""

    def __init__(
        self,
        number: int,
        generation: int,
        lanes: int,
        channel: LineChannel,
        *,
        molded: bool,
        heartbeat: Descriptor | None = None,
        way: str = "pull",
        hooked: HookWorker | None = None,
    ) -> None:
        """lanes: how many channels to the gateway it gets
        heartbeat: the file of a direct worker, which signals tell what others are told on their channel
        way: how requests reach it, see `Config.way`
        hooked: it, as the master's hooks see it
        """
        self.number = number
        self.lanes = lanes
        self.heartbeat = heartbeat
        self.way = way
        self.hooked = hooked
        self.running_since: float | None = None
        """Since when a direct worker is in its class's loop, by the monotonic clock."""
        self.modules: list[str] = []
        self.stacks: Descriptor | None = None
        """The file in which it shows its stacks, once it does that."""
        self.reopen_due = False
        """It is to open its logs anew once it handles signals."""
        self.generation = generation
        self.channel = channel
        self.molded = molded
        self.pid: int | None = None
        self.ready = False
        self._waiting_signal: signal.Signals | None = None

    @property
    def doomed(self) -> bool:
        """To be killed as soon as it is born."""
        return self.pid is None and self._waiting_signal == signal.SIGKILL

    def born(self, pid: int) -> None:
        self.pid = pid
        if self._waiting_signal is not None:
            self.signal(self._waiting_signal)

    def signal(self, number: signal.Signals) -> None:
        """It has not been reaped while it is in the table, so the pid is its own."""
        if self.pid is None:
            self._waiting_signal = number
        else:
            os.kill(self.pid, number)


class WorkerTable:
    """The workers that are this nursery's, by number and by pid."""

    def __init__(self) -> None:
        self._by_number: dict[int, WorkerChild] = {}

    def __len__(self) -> int:
        return len(self._by_number)

    def __iter__(self) -> Iterator[WorkerChild]:
        return iter(list(self._by_number.values()))

    def add(self, worker: WorkerChild) -> None:
        self._by_number[worker.number] = worker

    def get(self, number: int) -> WorkerChild | None:
        return self._by_number.get(number)

    def by_pid(self, pid: int) -> WorkerChild | None:
        return next((worker for worker in self._by_number.values() if worker.pid == pid), None)

    def remove(self, worker: WorkerChild) -> None:
        self._by_number.pop(worker.number, None)


class Orphans:
    """Workers of a nursery that is dead. They are nobody's children, so their end is watched by pidfd, and their
    status is unknown.
    """

    def __init__(self, poller: Poller, holdings: Holdings, on_end: Callable[[int, int], None]) -> None:
        """on_end(number, pid) is called once per orphan, perhaps from within `watch`."""
        self._poller = poller
        self._holdings = holdings
        self._on_end = on_end
        self._living: dict[int, tuple[int, Descriptor | None]] = {}

    def watch(self, number: int, pid: int) -> None:
        try:
            descriptor = self._holdings.hold(Descriptor(os.pidfd_open(pid)))
        except ProcessLookupError:
            self._on_end(number, pid)
            return
        except (AttributeError, OSError):  # macOS; a kernel or a sandbox without it
            self._living[number] = (pid, None)
            return
        self._living[number] = (pid, descriptor)
        self._poller.watch(descriptor.fileno(), lambda: self._ended(number))

    def signal(self, number: int, signal_number: signal.Signals) -> None:
        pid, descriptor = self._living.get(number, (0, None))
        try:
            if descriptor is not None:
                signal.pidfd_send_signal(descriptor.fileno(), signal_number)
            elif pid:
                os.kill(pid, signal_number)
        except ProcessLookupError:
            pass  # its end is about to be seen

    def __len__(self) -> int:
        return len(self._living)

    def kill_all(self) -> None:
        for number in self._living:
            self.signal(number, signal.SIGKILL)

    @property
    def look_every_ms(self) -> int | None:
        """How often `look` must be called; None: never, every orphan will be reported by its pidfd."""
        return LOOK_EVERY_MS if any(descriptor is None for _, descriptor in self._living.values()) else None

    def look(self) -> None:
        """Asks after the orphans that have no pidfd."""
        for number, (pid, descriptor) in list(self._living.items()):
            if descriptor is None:
                try:
                    os.kill(pid, 0)
                except ProcessLookupError:
                    self._ended(number)
                except PermissionError:
                    continue

    def _ended(self, number: int) -> None:
        pid, descriptor = self._living.pop(number)
        if descriptor is not None:
            self._poller.forget(descriptor.fileno())
            self._holdings.drop(descriptor)
        self._on_end(number, pid)
