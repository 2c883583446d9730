"""The WSGI environ: what every request of a worker shares, and what belongs to one request."""

from __future__ import annotations

import contextlib
import io
import logging

from tunicorn_worker.body import EmptyBody
from tunicorn_worker.file_wrapper import FileWrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tunicorn_worker.config import Config


class ErrorStream(io.RawIOBase):
    """``wsgi.errors``: text for every stream that the error log writes to, flushed at each write.

    A log that cannot be written, on a full disk, loses the text and not the request: as with ``logging``.
    """

    def __init__(self) -> None:
        super().__init__()
        # Handlers, not streams: a log file that was reopened is a new stream.
        self._handlers: list[Any] = [
            handler for handler in logging.getLogger("gunicorn.error").handlers if hasattr(handler, "stream")
        ]

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        for handler in self._handlers:
            with contextlib.suppress(OSError):
                self._write(handler.stream, data)
        return len(data)

    def _write(self, stream: Any, data: Any) -> None:
        try:
            stream.write(data)
        except UnicodeError:
            stream.write(data.encode("ascii", "backslashreplace").decode("ascii"))
        stream.flush()


def base_environ(config: Config, *, multithread: bool) -> dict[str, Any]:
    """Build what every request's environ shares.

    A worker merges it into the dict that the gateway sent, in place: ``environ |= base`` is the fastest order
    (300 ns; a copy of the base updated with the request's keys costs 100 ns more, ``{**base, **environ}`` 150 ns).
    """
    return {
        "wsgi.version": (1, 0),
        "wsgi.errors": ErrorStream(),
        "wsgi.multithread": multithread,
        "wsgi.multiprocess": config.workers > 1,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.input": EmptyBody(),
        "wsgi.input_terminated": True,
        "SERVER_SOFTWARE": config.server_software,
    }
