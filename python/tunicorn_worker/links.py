"""What a thread that pulls requests has of each gateway: a channel and a ticket pipe, watched by its waiter."""

from __future__ import annotations

from tunicorn_worker.errors import FrameError, GatewayGone
from tunicorn_worker.waiter import wait_fairly

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Container

    from tunicorn_worker.channel import Channel
    from tunicorn_worker.tickets import Tickets
    from tunicorn_worker.waiter import Events, Waiter


class Link:
    """The channel to a gateway, and its tickets."""

    __slots__ = ("channel", "tickets")

    def __init__(self, channel: Channel, tickets: Tickets) -> None:
        """Both are taken over."""
        self.channel = channel
        self.tickets = tickets

    def close(self) -> None:
        self.channel.close()
        self.tickets.close()


class Links:
    """The links of one thread.

    pipes: the links by the descriptor of their ticket pipe
    changes: how often a link has come or gone
    """

    def __init__(self, waiter: Waiter, worker: int, log: logging.Logger, *, reading: bool) -> None:
        """reading: the pipes are watched; where several threads take turns, see `begin_reading`."""
        self._waiter = waiter
        self._worker = worker
        self._log = log
        self._reading = reading
        self._by_gateway: dict[int, Link] = {}
        self.pipes: dict[int, Link] = {}
        self.changes = 0

    @property
    def wait(self) -> Callable[[], Events]:
        """Waits for something to read. To be asked for anew when links have come or gone."""
        return self._waiter.wait if len(self.pipes) < 2 else wait_fairly(self._waiter, self.pipes)

    def add(self, gateway: int, link: Link) -> None:
        """Use a link; that of the gateway's predecessor goes. gateway: its index."""
        self.drop(gateway)
        self.changes += 1
        self._by_gateway[gateway] = link
        pipe = link.tickets.fileno()
        self.pipes[pipe] = link
        self._waiter.add(link.channel.fileno())
        if self._reading:
            self._waiter.add(pipe, shared=True)

    def drop(self, gateway: int) -> None:
        """Close what belongs to a gateway that is gone or replaced, its pipe unread: those tickets are not to run."""
        link = self._by_gateway.pop(gateway, None)
        if link is None:
            return
        self.changes += 1
        pipe = link.tickets.fileno()
        del self.pipes[pipe]
        self._waiter.remove(link.channel.fileno())
        if self._reading:
            self._waiter.remove(pipe)
        link.close()

    def drop_lost(self) -> None:
        for gateway, link in list(self._by_gateway.items()):
            if link.channel.lost:
                self.drop(gateway)

    def begin_reading(self) -> None:
        self._reading = True
        for pipe in self.pipes:
            self._waiter.add(pipe, shared=True)

    def end_reading(self) -> None:
        """Watch the pipes no more. By any thread, while the links' own is not in here."""
        self._reading = False
        for pipe in self.pipes:
            self._waiter.remove(pipe)

    def serve_idle(self, ready: Container[int]) -> None:
        """Read what has come on the channels between two requests. ready: descriptors. Links that have ended go."""
        for link in list(self.pipes.values()):
            if link.channel.fileno() in ready:
                serve_idle(link.channel, self._worker, self._log)
        self.drop_lost()

    @property
    def stopping(self) -> bool:
        """A gateway has asked this worker to finish and leave."""
        return any(link.channel.stopping for link in self.pipes.values())

    def stop(self) -> None:
        """Take no more requests. Called by a signal handler, too."""
        for link in list(self.pipes.values()):
            link.channel.stopping = True

    def send_leaving(self) -> None:
        """Tell every gateway that no more tickets will be read."""
        for link in self.pipes.values():
            try:
                link.channel.send_leaving()
            except GatewayGone:
                pass  # Nobody is left who could mind.

    def end_reports(self) -> None:
        """Have what is reported from now on go elsewhere, and read what is on its way."""
        for link in self.pipes.values():
            try:
                link.channel.end_reports()
            except GatewayGone:
                pass  # Nobody is left who could report.

    def age_ms(self) -> int:
        """How long ago the request was started that was taken last; 0 before the first. It may be over."""
        return min((age for age, _ in self._ages()), default=0)

    def has(self, request: int) -> bool:
        """Whether the request that was taken last has this id. It may be over."""
        latest = min(self._ages(), key=lambda pair: pair[0], default=None)
        return latest is not None and latest[1].tickets.has(request)

    def _ages(self) -> list[tuple[int, Link]]:
        """The request that was taken last of each gateway: how old it is."""
        ages = ((link.tickets.age_ms(), link) for link in list(self.pipes.values()))
        return [(age, link) for age, link in ages if age is not None]

    def beat(self) -> None:
        """Show in the slot of the request that runs, if any, that the process lives: by another thread."""
        for link in list(self.pipes.values()):
            link.tickets.beat()

    def close(self) -> None:
        for gateway in list(self._by_gateway):
            self.drop(gateway)


def serve_idle(channel: Channel, worker: int, log: logging.Logger) -> None:
    """Read what has come on a channel between two requests. At its end it is `lost`."""
    try:
        channel.serve_idle()
    except GatewayGone as error:
        if isinstance(error, FrameError):
            log.error("worker channel closed worker=%d: %s", worker, error.strerror)
