"""What a worker is told, whatever its class: the nursery's commands, and the end of its lifeline."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from tunicorn_worker.control_link import ControlLink
    from tunicorn_worker.line_channel import Message
    from tunicorn_worker.loggers import Loggers

    class Waiter(Protocol):
        """What watches descriptors: a blocking worker's own, or an event loop's."""

        def add(self, descriptor: int) -> None: ...

        def remove(self, descriptor: int) -> None: ...


class WorkerEnds(Exception):
    """The worker is to leave.

    at_once: now, whatever its requests and threads do; else as soon as they are done
    told: by the arbiter's `quit`
    """

    def __init__(self, *, at_once: bool, told: bool = False) -> None:
        super().__init__(at_once, told)
        self.at_once = at_once
        self.told = told


class Orders:
    """Reads the control channel and watches the lifeline. `fileno`s are in the waiter that is given."""

    def __init__(
        self,
        number: int,
        control: ControlLink,
        lifeline: int,
        loggers: Loggers,
        waiter: Waiter,
        carry_out: Callable[[Message], bool],
    ) -> None:
        """lifeline: descriptor; its end of file says that the arbiter is gone.
        carry_out: does the commands that depend on the class (`link`, `lane`, `stop`); False for one it does not know
        """
        self._number = number
        self._control = control
        self._lifeline = lifeline
        self._loggers = loggers
        self._waiter = waiter
        self._carry_out = carry_out
        waiter.add(control.fileno())
        waiter.add(lifeline)

    @property
    def nursery_gone(self) -> bool:
        return self._control.ended

    def look(self, ready: set[int]) -> None:
        """Act on what can be read. ready: descriptors. Raises WorkerEnds, once for the lifeline."""
        if self._lifeline in ready:
            self._waiter.remove(self._lifeline)
            self._loggers.error.info("Parent changed, shutting down: <Worker %s>", os.getpid())
            raise WorkerEnds(at_once=False)
        if not self._control.ended and self._control.fileno() in ready:
            self._obey()

    def _obey(self) -> None:
        watched = self._control.fileno()
        for message in self._control.receive():
            command = message["cmd"]
            if command == "quit":
                raise WorkerEnds(at_once=True, told=True)
            if command == "reopen-logs":
                self._loggers.reopen()
            elif command == "log-level":
                self._loggers.set_level(message["level"])
            elif not self._carry_out(message):
                self._loggers.error.warning(
                    "unknown command of the nursery worker=%d command=%r", self._number, command
                )
        if self._control.ended:
            self._waiter.remove(watched)
