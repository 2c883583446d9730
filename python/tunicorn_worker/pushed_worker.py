"""What the workers have in common to which gateways push requests: their ends of the channels, and what follows from
their changes.
"""

from __future__ import annotations

from tunicorn_worker.orders import WorkerEnds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from logging import Logger
    from typing import Any, Protocol

    from tunicorn_worker.orders import Orders

    class PushedChannel(Protocol):
        """AsgiChannel, GreenChannel."""

        fault: str | None
        lost: bool
        released: bool


class PushedWorker:
    """The part of a worker that looks after its channels, one to each gateway."""

    _number: int
    _log: Logger
    _orders: Orders
    _channels: dict[int, Any]
    """By the index of the gateway: AsgiChannels or GreenChannels."""

    def _leave(self, end: WorkerEnds) -> None:
        """Begin to leave."""
        raise NotImplementedError

    def _wake(self) -> None:
        """Make whoever waits for the end look again."""
        raise NotImplementedError

    def _on_channel_change(self, channel: PushedChannel) -> None:
        """Called by a channel, see there."""
        index = next((index for index, each in self._channels.items() if each is channel), None)
        if index is None:
            return
        if channel.fault is not None:
            self._log.error("worker channel closed worker=%d: %s", self._number, channel.fault)
        if channel.lost:
            del self._channels[index]
            self._leave_if_alone()
        elif channel.released:
            self._leave(WorkerEnds(at_once=False))
        self._wake()

    def _leave_if_alone(self) -> None:
        """Leave when neither the nursery nor any gateway is left."""
        if self._orders.nursery_gone and not self._channels:
            self._leave(WorkerEnds(at_once=False))
