"""What the workers have in common to which the gateway pushes requests: their end of its channel, and what follows from
its changes.
"""

from __future__ import annotations

from tunicorn_worker.orders import WorkerEnds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from logging import Logger
    from typing import Protocol

    from tunicorn_worker.orders import Orders

    class PushedChannel(Protocol):
        """AsgiChannel, GreenChannel."""

        fault: str | None
        lost: bool
        released: bool


class PushedWorker:
    """The part of a worker that looks after its channel."""

    _number: int
    _log: Logger
    _orders: Orders
    _channel: PushedChannel | None = None

    def _leave(self, end: WorkerEnds) -> None:
        """Begin to leave."""
        raise NotImplementedError

    def _wake(self) -> None:
        """Make whoever waits for the end look again."""
        raise NotImplementedError

    def _on_channel_change(self, channel: PushedChannel) -> None:
        """Called by a channel, see there."""
        if channel is not self._channel:
            return
        if channel.fault is not None:
            self._log.error("worker channel closed worker=%d: %s", self._number, channel.fault)
        if channel.lost:
            self._channel = None
            if self._orders.nursery_gone:
                self._leave(WorkerEnds(at_once=False))
        elif channel.released:
            self._leave(WorkerEnds(at_once=False))
        self._wake()
