"""The worker's end of its control channel to the nursery (docs/internals/channels.md §4)."""

from __future__ import annotations

import json
import socket
from _thread import RLock

from tunicorn_worker.line_channel import LineChannel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunicorn_worker.line_channel import Message

SO_PEEK_OFF = 42
"""<asm-generic/socket.h>, Linux: each peek goes on where the last one ended."""
PEEK_BYTES = 65536


class ControlLink:
    """Reports to the nursery and its commands.

    ended: the nursery is gone; another one may be coming, but not on this channel
    """

    def __init__(self, end: socket.socket) -> None:
        """end: the connected socket; taken over."""
        self._socket = end
        # With `reload` a thread reports as well; a signal handler may come between what its own thread sends.
        self._sending = RLock()
        self._lines = LineChannel(end)

    @property
    def ended(self) -> bool:
        return self._lines.ended

    def fileno(self) -> int:
        return self._lines.fileno()

    def report(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Tell the nursery something. It is lost when the nursery is gone. Descriptors stay the caller's."""
        with self._sending:
            self._lines.send(message, descriptors)

    def report_worn(self, requests: int) -> None:
        """Tell the nursery that as many requests have begun as `max_requests` allows."""
        self.report({"ev": "worn", "requests": requests})

    def hand_over(self, gateway: int, stream: int, descriptor: int) -> None:
        """Have the gateway of that pid connect a descriptor with the client of a stream. It stays the caller's."""
        self.report({"ev": "taken", "gateway": gateway, "stream": stream}, [descriptor])

    def receive(self) -> list[Message]:
        """Read the commands that have come. Raises ChannelError."""
        with self._sending:
            self._lines.flush()
        return self._lines.receive()

    def take_link(self) -> tuple[int, int, int] | None:
        """Take what came with a `link`: worker channel, ticket pipe, slot memory. They are the caller's to close."""
        taken = [self._lines.take_descriptor() for _ in range(3)]
        channel, pipe, memory = taken
        return None if channel is None or pipe is None or memory is None else (channel, pipe, memory)

    def take_descriptor(self) -> int | None:
        """Take the oldest descriptor that has come, that of a `lane` for example. It is the caller's to close."""
        return self._lines.take_descriptor()

    def waiting(self) -> list[str]:
        """Name the unread commands without reading them: asked inside a signal handler, while whatever was
        interrupted may be about to read."""
        return [
            json.loads(line)["cmd"]
            for line in self._peek().split(b"\n")
            if line.startswith(b"{") and line.endswith(b"}")
        ]

    def _peek(self) -> bytes:
        """Copy what stands unread. A peek ends at each message that carries descriptors, hence the moving offset."""
        moves = self._move_peek(0)
        parts = []
        try:
            while True:
                part = self._socket.recv(PEEK_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
                parts.append(part)
                if not part or not moves:
                    break
        except OSError:
            pass  # Nothing (more) to read, or the nursery is gone.
        finally:
            if moves:
                self._move_peek(-1)
        return b"".join(parts)

    def _move_peek(self, offset: int) -> bool:
        """Set the peek offset, -1 for none; False where there is no such thing (macOS)."""
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_PEEK_OFF, offset)
        except OSError:
            return False
        return True
