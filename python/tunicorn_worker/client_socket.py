"""``environ["gunicorn.socket"]``: the client's socket, for applications that speak WebSocket and the like."""

from __future__ import annotations

import errno
import os
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tunicorn_worker.request_channel import RequestChannel


SOCKET_NAMES = frozenset(dir(socket.socket))
"""What a socket has, before gevent or eventlet put theirs in its place."""
SOCKET_VALUES = frozenset({"family", "proto", "timeout", "type"})
"""What of it is no method."""


class ClientSocket:
    """Stands in for the client's socket until it is used as one: then the connection is taken over, and everything
    asked of this object is asked of a real socket. Asking for the peer and setting options of TCP takes nothing over.

    Each request has its own, which costs next to nothing: one that was kept can never reach another request's client.
    """

    __slots__ = ("_channel", "_peer", "_real", "_stream", "_timeout")

    def __init__(self, channel: RequestChannel, peer: tuple[str, str | None]) -> None:
        """peer: REMOTE_ADDR and REMOTE_PORT of the request; no port: a unix socket."""
        self._channel = channel
        self._stream = channel.stream
        self._peer = peer
        self._real: Any = None
        self._timeout: float | None = None

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return socket.socket

    def _take(self) -> Any:
        """The real socket. Raises OSError when the request is over, GatewayGone."""
        if self._real is None:
            if self._channel.stream != self._stream:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            self._real = self._channel.take_connection()
            self._real.settimeout(self._timeout)
        return self._real

    def __getattr__(self, name: str) -> Any:
        # What no socket has is looked for by those who want to know what this is: that is no use as a socket.
        if name.startswith("__") or name not in SOCKET_NAMES:
            raise AttributeError(name)
        if name in SOCKET_VALUES:
            return getattr(self._take(), name)

        def use(*arguments: Any, **named: Any) -> Any:
            return getattr(self._take(), name)(*arguments, **named)

        return use

    def __enter__(self) -> ClientSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<client socket peer={self._peer} taken={self._real is not None}>"

    def close(self) -> None:
        self._take().close()

    def send(self, data: Any, flags: int = 0) -> int:
        """As a socket's. While it blocks, it sends everything: what cooperates would send a part, and some WebSocket
        libraries do not look."""
        real = self._take()
        if real.gettimeout() == 0:
            sent: int = real.send(data, flags)
            return sent
        real.sendall(data, flags)
        return memoryview(data).nbytes

    def getpeername(self) -> tuple[str, int] | str:
        address, port = self._peer
        return address if port is None else (address, int(port))

    def gettimeout(self) -> float | None:
        return self._timeout

    def getblocking(self) -> bool:
        return self._timeout != 0

    def settimeout(self, seconds: float | None) -> None:
        self._timeout = seconds
        if self._real is not None:
            self._real.settimeout(seconds)

    def setblocking(self, flag: bool) -> None:
        self.settimeout(None if flag else 0.0)

    def setsockopt(self, level: int, *option: Any) -> None:
        """Options of the connection itself are the gateway's to set: those of TCP are ignored."""
        if level == socket.SOL_SOCKET:
            self._take().setsockopt(level, *option)
