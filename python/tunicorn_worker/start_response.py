"""One response: what the application said so far, and what of it has left."""

from __future__ import annotations

import logging

from tunicorn_worker.errors import GatewayGone
from tunicorn_worker.field_lines import ContentLength, FieldLines, make_hint_lines
from tunicorn_worker.loggers import error_log
from tunicorn_worker.wire import (
    ABORT,
    FRAME_BODY_BYTES_MAX,
    HAS_CONTENT_LENGTH,
    HEAD,
    HINTS,
    RESPONSE,
    RESPONSE_WINDOW_BYTES,
    U32,
    WANTS_CLOSE,
    pack_end,
    pack_plain,
    pack_response,
    pack_u64,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Any

    from tunicorn_worker.field_lines import Status
    from tunicorn_worker.file_wrapper import FileRegion
    from tunicorn_worker.request_channel import RequestChannel

    ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

# States of a response.
OPEN = 0
"""Nothing has left; a 500 is still possible."""
STREAMING = 1
"""The head has left."""
ENDED = 2
"""The last frame has left: RESPONSE, END, ABORT or a taken FILE, exactly one for every request."""

COPY_BYTES_MAX = 16384
"""A whole response up to this size is one string and one write; a larger body is not copied behind its head."""


class Response:
    """The response to one request: `start_response`, `write` and `early_hints` are handed to the application.

    status: None until the application called `start_response`
    state: OPEN, STREAMING or ENDED
    """

    __slots__ = (
        "_bodiless",
        "_channel",
        "_content_length",
        "_dropped_body",
        "_flags",
        "_head",
        "_known",
        "_sent",
        "_stream",
        "_trailers",
        "method",
        "state",
        "status",
    )

    def __init__(self, channel: RequestChannel, known: FieldLines, method: str) -> None:
        self._channel = channel
        self._known = known
        self._stream = channel.stream
        self._trailers = b""
        self.method = method
        self.status: Status | None = None
        self.state = OPEN

    # -- for the application

    def start_response(
        self, status: str, headers: Iterable[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        """Take the status and the headers (PEP 3333). With `exc_info` they replace earlier ones, or it is raised again.

        Raises AssertionError at a second call without `exc_info`; TypeError, ValueError for what may not be sent.
        """
        if exc_info:
            try:
                if self.state != OPEN:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # The traceback holds this frame: a cycle.
        elif self.status is not None:
            raise AssertionError("Response headers already set!")
        known = self._known
        checked = known.statuses.get(status) or known.status(status)
        find = known.fields.get
        lines: list[Any] = []
        flags = 0
        self._content_length: int | None = None
        for field in headers:
            try:
                line = find(field)
            except TypeError:  # A list cannot be looked up.
                line = None
            if line is None:
                line = known.field(field)
            if type(line) is bytes:
                lines.append(line)
            elif isinstance(line, ContentLength):
                if not checked.lengthless:
                    self._content_length = line.add_to(lines, self._content_length)
            else:
                flags |= WANTS_CLOSE
        self._head = b"".join(lines)
        self._flags = flags
        self._bodiless = checked.bodiless or self.method == "HEAD"
        self._dropped_body = False
        self._sent = 0
        self.status = checked
        return self.write

    def write(self, data: bytes) -> None:
        """Send the head, if it has not left, and body bytes at once: the callable that `start_response` returns.

        Bytes beyond the Content-Length are dropped. Raises ClientGone; TypeError for anything but bytes; RuntimeError
        when the request is over.
        """
        if not isinstance(data, bytes):
            raise TypeError(f"{data!r} is not a byte")
        if self._channel.stream != self._stream:
            raise RuntimeError("write() was called after the request had ended")
        if self.status is None:
            raise AssertionError("write() was called before start_response()")
        if self._bodiless:
            self._drop(data)
            return
        length = self._content_length
        if length is not None and self._sent + len(data) >= length:
            data = data[: length - self._sent]
            if self.state == OPEN and len(data) <= RESPONSE_WINDOW_BYTES and not self._trailers:
                # The whole body is here, so that a view which returns one chunk and its length costs one frame.
                self._sent = length
                self._send_whole(data)
                return
        if self.state == ENDED:
            return
        self._sent += len(data)
        self._channel.send_body(self._send_head(data) if self.state == OPEN else data)

    def early_hints(self, headers: Iterable[tuple[str | bytes, str | bytes]]) -> None:
        """Send a 103 response (``wsgi.early_hints``, RFC 8297) unless the head has left. Raises as `start_response`."""
        if self.state == OPEN and self._channel.stream == self._stream:
            lines = make_hint_lines(headers)
            self._channel.send(pack_response(HINTS, self._stream, 0, b"103 Early Hints", lines, b"", b""))

    def send_trailers(self, trailers: Iterable[tuple[str | bytes, str | bytes]]) -> None:
        """Take the fields that are to follow the body (``gunicorn.http2.send_trailers``); the last call counts.

        Raises as `start_response`; RuntimeError when the response has ended, which one with a Content-Length has with
        its last byte.
        """
        lines = make_hint_lines(trailers)
        if self.state == ENDED or self._channel.stream != self._stream:
            raise RuntimeError("trailers came after the response had ended")
        self._trailers = lines

    # -- for the worker

    def send_list(self, chunks: list[bytes] | tuple[bytes, ...]) -> None:
        """Send a body of which all parts are there, and end. Raises as `write`, before anything is sent."""
        if len(chunks) == 1:
            data = chunks[0]
            if not isinstance(data, bytes):
                raise TypeError(f"{data!r} is not a byte")
        else:
            for chunk in chunks:
                if not isinstance(chunk, bytes):
                    raise TypeError(f"{chunk!r} is not a byte")
            data = b"".join(chunks)
        if (
            self.state == OPEN
            and self.status is not None
            and not self._bodiless
            and not self._trailers
            and len(data) <= RESPONSE_WINDOW_BYTES
            and (self._content_length is None or self._content_length == len(data))
        ):
            self._send_whole(data)
            return
        if data:
            self.write(data)
        self.end()

    @property
    def content_length(self) -> int | None:
        """The Content-Length that the application gave, once it has called `start_response`."""
        return self._content_length

    @property
    def sent(self) -> int:
        """Body bytes that have left, once the application has called `start_response`."""
        return 0 if self.status is None else self._sent

    @property
    def client_gone(self) -> bool:
        """Whether it is known that nobody will read the response."""
        return self._channel.client_gone

    def send_file(self, region: FileRegion) -> bool:
        """Let the gateway send a file as the whole body.

        Returns False when it may not, or it refused and the head has left: the bytes must follow. Raises ClientGone.
        """
        if self._bodiless:
            if region.size:
                self._warn_of_body()
            self.end()
            return True
        if self._trailers:
            return False  # The gateway would end the response with the file.
        if self.state == OPEN:
            self._send_head(b"")
        if region.size and not self._channel.offer_file(
            region.device, region.inode, region.offset, region.size, region.path
        ):
            return False
        self._sent = region.size
        if region.size:
            self.state = ENDED
        else:
            self.end()
        return True

    def end(self) -> None:
        """End the response. A body shorter than its Content-Length is cut: the client must be able to tell.

        Raises ClientGone.
        """
        if self.state == ENDED:
            return
        if self.status is None:
            if self.taken:
                self.abort()
                return
            raise AssertionError("the application returned without calling start_response()")
        length = self._content_length
        if length is not None and self._sent < length and not self._bodiless:
            error_log().warning(
                "response body is shorter than its Content-Length method=%s declared=%d sent=%d",
                self.method,
                length,
                self._sent,
            )
            if self.state == OPEN:
                self._send_head(b"")
            self.abort()
        elif self.state == OPEN and (self._bodiless or not self._trailers):
            self._send_whole(b"")
        else:
            if self.state == OPEN:
                self._send_head(b"")
            self.state = ENDED
            self._channel.send(pack_end(self._stream, self._trailers))

    @property
    def killed(self) -> bool:
        """The worker leaves without it."""
        return self._channel.killed

    @property
    def taken(self) -> bool:
        """The application has taken the client's connection, and not answered here."""
        return self.state == OPEN and self._channel.taken is not None

    def abort(self) -> None:
        """Cut the response, unless it has ended: the application failed, or its client left. What the application has
        written to the client's connection itself still reaches it. Raises GatewayGone.
        """
        if self.taken:
            self.state = ENDED
            self._channel.end_taken()
        elif self.state != ENDED:
            self.state = ENDED
            if not self._channel.lost:
                self._channel.send(pack_plain(ABORT, self._stream))

    def replace(self, status: bytes, head: bytes, body: bytes) -> None:
        """Send a response of the worker's own instead of the application's, all of it. Raises GatewayGone."""
        self.state = ENDED
        flags = HAS_CONTENT_LENGTH | WANTS_CLOSE
        length = pack_u64(len(body))
        body = b"" if self.method == "HEAD" else body
        self._channel.send(pack_response(RESPONSE, self._stream, flags, status, head, length, body))

    # -- inside

    def _length_field(self) -> bytes:
        if self._content_length is None:
            return b""
        self._flags |= HAS_CONTENT_LENGTH
        return pack_u64(self._content_length)

    def _send_whole(self, data: bytes) -> None:
        self.state = ENDED
        self._sent = len(data)
        status: Any = self.status
        length = self._length_field()
        if len(data) <= COPY_BYTES_MAX:
            self._channel.send(
                pack_response(RESPONSE, self._stream, self._flags, status.line, self._head, length, data)
            )
            return
        front = pack_response(RESPONSE, self._stream, self._flags, status.line, self._head, length, b"")
        self._channel.send_gathered(U32.pack(len(front) + len(data)) + front[4:], data)

    def _send_head(self, data: bytes) -> bytes | memoryview:
        """Send the head with the first body bytes; returns those that found no room. Raises ClientGone."""
        status: Any = self.status
        self._channel.check_client()
        first = data[:FRAME_BODY_BYTES_MAX]
        length = self._length_field()
        self.state = STREAMING
        self._channel.send(pack_response(HEAD, self._stream, self._flags, status.line, self._head, length, first))
        self._channel.spend_credit(len(first))
        return memoryview(data)[FRAME_BODY_BYTES_MAX:] if len(data) > FRAME_BODY_BYTES_MAX else b""

    def _drop(self, data: bytes) -> None:
        if data:
            self._warn_of_body()
        if self.state == OPEN:
            self._send_whole(b"")

    def _warn_of_body(self) -> None:
        if not self._dropped_body:
            self._dropped_body = True
            status: Any = self.status
            logging.getLogger("gunicorn.http.wsgi").warning(
                "WSGI app sent body bytes on a no-body response (method=%s status=%s); dropping per RFC 9110.",
                self.method,
                status.code,
            )


def abandon(channel: RequestChannel) -> None:
    """End the channel's request before the application was called: its client left while its head was being fetched."""
    try:
        channel.send(pack_plain(ABORT, channel.stream))
    except GatewayGone:
        pass  # Then there is nobody to tell.
