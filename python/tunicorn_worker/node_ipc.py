"""Node's child-process IPC channel, spoken by Python: as Node's child or as its parent, with descriptors both ways.

Node's format (lib/internal/child_process.js, "json" serialization): one JSON value per line. A message that brings a
descriptor is wrapped as ``{"cmd":"NODE_HANDLE","type":"net.Native","msg":{...}}`` and answered by ``NODE_HANDLE_ACK``.
Streams and listening sockets only: Node does not take pipes, files or datagram sockets.
"""

from __future__ import annotations

import os
import socket

from tunicorn_worker.line_channel import LineChannel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from tunicorn_worker.line_channel import Message

    class Say(Protocol):
        """Sends the arbiter an event."""

        def __call__(self, event: str, descriptor: int | None = None, /, **fields: object) -> None: ...


# Node keeps every `cmd` that begins so to itself.
INTERNAL_PREFIX = "NODE_"


class NodeChannel:
    """One end of Node's IPC channel."""

    def __init__(self, end: socket.socket) -> None:
        self._lines = LineChannel(end)

    @classmethod
    def from_environment(cls) -> NodeChannel:
        """The channel to the Node process that started this one.

        The variables are removed: a `node` that the application starts would take them for its own, and abort.
        Raises RuntimeError when there is no such channel.
        """
        number = os.environ.pop("NODE_CHANNEL_FD", "")
        mode = os.environ.pop("NODE_CHANNEL_SERIALIZATION_MODE", "json")
        if not number.isdecimal():
            raise RuntimeError(
                "no channel to the arbiter (NODE_CHANNEL_FD is not set); the nursery is started by tunicorn itself"
            )
        if mode != "json":
            raise RuntimeError(f"the channel to the arbiter is in {mode!r} mode, not json")
        return cls(socket.socket(fileno=int(number)))

    def fileno(self) -> int:
        return self._lines.fileno()

    @property
    def ended(self) -> bool:
        return self._lines.ended

    @property
    def wants_write(self) -> bool:
        return self._lines.wants_write

    def send(self, message: Message, descriptor: int | None = None) -> None:
        """Sends a message, with a copy of a descriptor if one is given. Node need not have acknowledged the one
        before.
        """
        if descriptor is None:
            self._lines.send(message)
        else:
            self._lines.send({"cmd": "NODE_HANDLE", "type": "net.Native", "msg": message}, [descriptor])

    def flush(self) -> None:
        self._lines.flush()

    def receive(self) -> list[tuple[Message, int | None]]:
        """Reads once; returns messages, each with the descriptor it brought, which then belongs to the caller.

        Raises line_channel.ChannelError.
        """
        received: list[tuple[Message, int | None]] = []
        for message in self._lines.receive():
            command = message.get("cmd")
            if command == "NODE_HANDLE":
                descriptor = self._lines.take_descriptor()
                # At once: Node holds back all that it has to send after a handle until the answer is there. It
                # repeats a refused one.
                self._lines.send({"cmd": "NODE_HANDLE_NACK" if descriptor is None else "NODE_HANDLE_ACK"})
                if descriptor is not None:
                    received.append((message["msg"], descriptor))
            elif not (isinstance(command, str) and command.startswith(INTERNAL_PREFIX)):
                received.append((message, None))
        return received

    def close(self) -> None:
        self._lines.close()
