"""``wsgi.input``: a request's body, standing in memory or coming through the channel.

The rules are Gunicorn's: sizes are None, negative (all) or ints; anything else is a TypeError; `readlines` ignores its
hint; there is neither close nor seek. Reading ends quietly where the client closed early.
"""

from __future__ import annotations

from io import BytesIO

from tunicorn_worker.request_channel import RequestChannel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class RequestBody(Protocol):
        """What PEP 3333 asks of ``wsgi.input``."""

        def read(self, size: int | None = None) -> bytes: ...
        def readline(self, size: int | None = None) -> bytes: ...
        def readlines(self, hint: object = None) -> list[bytes]: ...
        def __iter__(self) -> RequestBody: ...
        def __next__(self) -> bytes: ...


def checked_size(size: int | None) -> int:
    """Turn the argument of `read` into a count; -1 means all. Raises TypeError."""
    if size is None:
        return -1
    if not isinstance(size, int):
        raise TypeError("size must be an integral type")
    return size


class EmptyBody:
    """No body. It has no state, so one instance serves every request."""

    __slots__ = ()

    def read(self, size: int | None = None) -> bytes:
        checked_size(size)
        return b""

    def readline(self, size: int | None = None) -> bytes:
        checked_size(size)
        return b""

    def readlines(self, hint: object = None) -> list[bytes]:
        return []

    def __iter__(self) -> EmptyBody:
        return self

    def __next__(self) -> bytes:
        raise StopIteration


class InlineBody:
    """A body that came whole with the request's head."""

    __slots__ = ("_file",)

    def __init__(self, data: bytes) -> None:
        self._file = BytesIO(data)

    def read(self, size: int | None = None) -> bytes:
        return self._file.read(checked_size(size))

    def readline(self, size: int | None = None) -> bytes:
        return self._file.readline(checked_size(size))

    def readlines(self, hint: object = None) -> list[bytes]:
        return self._file.readlines()

    def __iter__(self) -> InlineBody:
        return self

    def __next__(self) -> bytes:
        return next(self._file)


class ChannelBody:
    """A body that comes through the channel while the application reads it; a read may raise ClientGone."""

    __slots__ = ("_at", "_channel", "_chunk", "_stream")

    def __init__(self, channel: RequestChannel) -> None:
        self._channel = channel
        self._stream = channel.stream
        self._chunk = b""
        self._at = 0

    def _more(self) -> bool:
        """Make the unread part of the chunk non-empty; False at the body's end."""
        if self._at < len(self._chunk):
            return True
        # An application may keep the object after its request; the channel then serves another one.
        if self._channel.stream != self._stream:
            return False
        self._chunk = self._channel.next_body_chunk()
        self._at = 0
        return bool(self._chunk)

    def _take(self, end: int) -> bytes:
        """Return the chunk's bytes up to `end`, and step over them."""
        start, self._at = self._at, end
        return self._chunk if start == 0 and end == len(self._chunk) else self._chunk[start:end]

    def read(self, size: int | None = None) -> bytes:
        left = checked_size(size)
        parts = []
        while left and self._more():
            available = len(self._chunk) - self._at
            part = self._take(len(self._chunk) if left < 0 or left >= available else self._at + left)
            parts.append(part)
            if left > 0:
                left -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readline(self, size: int | None = None) -> bytes:
        left = checked_size(size)
        parts = []
        while left and self._more():
            limit = len(self._chunk) if left < 0 else min(len(self._chunk), self._at + left)
            newline = self._chunk.find(b"\n", self._at, limit)
            part = self._take(limit if newline < 0 else newline + 1)
            parts.append(part)
            if newline >= 0:
                break
            if left > 0:
                left -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readlines(self, hint: object = None) -> list[bytes]:
        return list(self)

    def __iter__(self) -> ChannelBody:
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line
