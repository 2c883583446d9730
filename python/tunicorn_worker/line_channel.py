"""JSON lines over a stream socket, with descriptors in SCM_RIGHTS, that never block."""

from __future__ import annotations

import array
import errno
import json
import os
import socket
from collections import deque

TYPE_CHECKING = False  # as typing.TYPE_CHECKING, without importing typing
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Message = dict[str, Any]

READ_BYTES = 65536
# One message carries at most three descriptors (channel, ticket pipe, slot memory); Node sends one.
DESCRIPTORS_PER_READ_MAX = 8
# The longest message is `settings`, with a logging configuration in it; more than this without a newline is no
# message of ours.
LINE_BYTES_MAX = 16 * 1024 * 1024
# "In flight" descriptors are limited per user (unix(7)): the peer has to read first, as with a full buffer.
FULL = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS, errno.ETOOMANYREFS)


class ChannelError(Exception):
    """The peer sent something that is not a JSON object on a line, or a line without end."""


class LineChannel:
    """One end of a socketpair that carries JSON objects, one per line.

    What does not fit into the socket's buffer waits here; the owner polls for writing while `wants_write` is true.
    """

    def __init__(self, end: socket.socket) -> None:
        """Takes over the socket: it becomes non-blocking, is not inherited by programs, and is closed by `close`."""
        end.setblocking(False)
        end.set_inheritable(False)
        self._socket = end
        self._incoming = b""
        self._outgoing: deque[tuple[bytes, list[int]]] = deque()
        self._descriptors: deque[int] = deque()
        self.ended = False
        """The peer has closed its end, or is gone; nothing can be sent any more."""

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def wants_write(self) -> bool:
        return bool(self._outgoing) and not self.ended

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Sends one message, now or when there is room. The caller keeps its descriptors: copies travel, copies wait.

        A message to a peer that is gone is dropped: whoever owns the channel sees `ended`.
        """
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        if not self._outgoing:
            sent = self._transmit(line, descriptors)
            if sent == len(line):
                return
            if sent > 0:
                line, descriptors = line[sent:], ()
        self._outgoing.append((line, [os.dup(descriptor) for descriptor in descriptors]))

    def flush(self) -> None:
        """Sends what waits, as far as there is room."""
        while self._outgoing:
            line, descriptors = self._outgoing[0]
            sent = self._transmit(line, descriptors)
            if sent == 0:
                return
            for descriptor in descriptors:
                os.close(descriptor)
            if sent < len(line):
                self._outgoing[0] = (line[sent:], [])
            else:
                self._outgoing.popleft()

    def receive(self) -> list[Message]:
        """Reads once and returns the complete messages so far; `ended` is set at the end of file.

        Raises ChannelError.
        """
        flags = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
        try:
            data, ancillary, _, _ = self._socket.recvmsg(
                READ_BYTES, socket.CMSG_SPACE(4 * DESCRIPTORS_PER_READ_MAX), flags
            )
        except BlockingIOError:
            return []
        except OSError:
            data, ancillary = b"", []
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                received = array.array("i")
                received.frombytes(payload[: len(payload) - len(payload) % received.itemsize])
                for descriptor in received:
                    os.set_inheritable(descriptor, False)
                    self._descriptors.append(descriptor)
        if not data:
            self.ended = True
            return []
        *lines, self._incoming = (self._incoming + data).split(b"\n")
        if len(self._incoming) > LINE_BYTES_MAX:
            raise ChannelError(f"a message of more than {LINE_BYTES_MAX} bytes")
        return [parse_message(line) for line in lines]

    def receive_all(self) -> list[Message]:
        """Everything that is there. Only for a peer that has ended or stops by itself: another could go on for ever.

        Raises ChannelError.
        """
        messages: list[Message] = []
        while not self.ended:
            waiting = len(self._incoming)
            batch = self.receive()
            if not batch and len(self._incoming) == waiting:
                break
            messages += batch
        return messages

    def take_descriptor(self) -> int | None:
        """The oldest descriptor received and not yet taken; it belongs to the caller."""
        return self._descriptors.popleft() if self._descriptors else None

    def close(self) -> None:
        """Closes the socket and every descriptor that waits to be sent or taken."""
        self.ended = True
        self._socket.close()
        for _, descriptors in self._outgoing:
            self._descriptors.extend(descriptors)
        self._outgoing.clear()
        while self._descriptors:
            os.close(self._descriptors.popleft())

    def _transmit(self, line: bytes, descriptors: Sequence[int]) -> int:
        """Returns how many bytes went: 0 when there is no room, all of them (as lost) when the peer is gone."""
        if self.ended:
            return len(line)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        try:
            return self._socket.sendmsg([line], rights)
        except OSError as error:
            if error.errno in FULL:
                return 0
            self.ended = True
            return len(line)


def parse_message(line: bytes) -> Message:
    """Raises ChannelError for anything but one JSON object."""
    try:
        message = json.loads(line)
    except ValueError as error:
        raise ChannelError(f"not JSON: {line[:80]!r}") from error
    if not isinstance(message, dict):
        raise ChannelError(f"not an object: {line[:80]!r}")
    return message
