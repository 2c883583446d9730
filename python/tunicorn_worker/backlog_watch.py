"""enable_backlog_metric: how many clients wait in the kernel's queues, each second."""

from __future__ import annotations

import socket
import struct
import sys
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tunicorn_worker.config import Config
    from tunicorn_worker.listener_set import ListenerSet
    from tunicorn_worker.node_ipc import Say
    from tunicorn_worker.statsd import Statsd

LOOK_EVERY_MS = 1000
"""As often as Gunicorn's master looks at its workers."""
TCP_INFO_BYTES = 104
UNACKED = 12
"""tcpi_unacked, counted in fields of the struct that begins with eight bytes (include/uapi/linux/tcp.h)."""


class BacklogWatch:
    def __init__(self, listeners: ListenerSet, say: Say) -> None:
        self._listeners = listeners
        self._say = say
        self._enabled = False
        self._statsd: Statsd | None = None
        self._due = 0.0

    def configure(self, config: Config, statsd: Statsd | None) -> None:
        self._enabled = bool(config.enable_backlog_metric)
        self._statsd = statsd

    @property
    def look_every_ms(self) -> int | None:
        """How often `look` must be called; None: never."""
        return LOOK_EVERY_MS if self._enabled else None

    def look(self) -> None:
        """Measure, when it is time."""
        now = monotonic()
        if not self._enabled or not self._listeners.own or now < self._due:
            return
        self._due = now + LOOK_EVERY_MS / 1000
        backlog = sum(backlog_of(listener.socket) for listener in self._listeners.own)
        # Gunicorn's rule: where nothing can be measured, nothing is said.
        if backlog < 0:
            return
        self._say("log", level="debug", text=f"socket backlog: {backlog}")
        if self._statsd is not None:
            self._statsd.histogram("gunicorn.backlog", backlog)


def backlog_of(sock: socket.socket) -> int:
    """Return the length of a listening socket's queue; -1 for what has none that is known: unix, other systems."""
    if sys.platform != "linux" or sock.family == socket.AF_UNIX:
        return -1
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
        return int(struct.unpack("B" * 8 + "I" * 24, info)[UNACKED])
    except OSError:
        return 0
