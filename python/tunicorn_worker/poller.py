"""Waits for many descriptors at once and calls whoever watches each."""

from __future__ import annotations

import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tunicorn_worker.line_channel import LineChannel
    from tunicorn_worker.node_ipc import NodeChannel


class Poller:
    """A poll(2) loop's body. Calls are made with nothing held: they may watch and forget as they like."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._channels: dict[int, LineChannel | NodeChannel] = {}
        self._writing: set[int] = set()

    def watch(self, descriptor: int, on_readable: Callable[[], None]) -> None:
        """Calls `on_readable` while the descriptor has something to read, its end included."""
        self._poll.register(descriptor, select.POLLIN)
        self._readers[descriptor] = on_readable

    def watch_channel(self, channel: LineChannel | NodeChannel, on_readable: Callable[[], None]) -> None:
        """As `watch`, and flushes the channel when what it holds back can go."""
        self.watch(channel.fileno(), on_readable)
        self._channels[channel.fileno()] = channel

    def forget(self, descriptor: int) -> None:
        """Stops watching, before the descriptor is closed. One that is not watched is fine."""
        if self._readers.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)
        self._channels.pop(descriptor, None)
        self._writing.discard(descriptor)

    def wait(self, timeout_ms: int | None) -> None:
        """Waits for one batch of events, at most so long, and serves it."""
        for descriptor, channel in self._channels.items():
            if channel.wants_write != (descriptor in self._writing):
                self._poll.modify(descriptor, select.POLLIN | (select.POLLOUT if channel.wants_write else 0))
                self._writing ^= {descriptor}
        for descriptor, events in self._poll.poll(timeout_ms):
            if events & select.POLLOUT and descriptor in self._channels:
                self._channels[descriptor].flush()
            # An earlier call of this batch may have forgotten it. Should its number be in use again, the new one
            # reads nothing, which is harmless.
            if events & ~select.POLLOUT and descriptor in self._readers:
                self._readers[descriptor]()
