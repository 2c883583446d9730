"""The exceptions of the worker half."""

from __future__ import annotations

import errno


class ClientGone(BrokenPipeError):
    """The client left before its response was complete, or inside its request's body.

    An OSError, because that is what applications and frameworks expect of a dead connection (Django's
    UnreadablePostError, Werkzeug's ClientDisconnected), with the errno of a write to a closed socket.
    """

    def __init__(self, text: str = "the client has left") -> None:
        super().__init__(errno.EPIPE, text)


class WebSocketGone(ClientGone, RuntimeError):
    """The WebSocket is closed, by either side. A RuntimeError too, as Gunicorn's, which once was only that."""

    def __init__(self, text: str = "the WebSocket is closed") -> None:
        super().__init__(text)


class GatewayGone(ClientGone):
    """The gateway closed the worker channel or died: every client that it held is gone with it."""

    def __init__(self, text: str = "the gateway has left") -> None:
        super().__init__(text)


class FrameError(GatewayGone):
    """The gateway sent bytes that are no frame. The channel cannot be trusted any more, so it counts as closed."""


class RequestTimeout(BaseException):
    """Raised in the application when its request has taken longer than request_timeout.

    No Exception, as SystemExit: a framework's ``except Exception`` would make a page of it, and a retry loop go on.
    """

    def __init__(self, text: str = "the request took longer than request_timeout") -> None:
        super().__init__(text)


class AppImportError(Exception):
    """The application named on the command line cannot be used. Its text is shown to the user; exit code 4."""


class BootError(Exception):
    """The worker cannot begin to serve, for a reason that its text says to the user; exit code 3."""


class InvalidStatus(ValueError):
    """The application's status line is no status (RFC 9112 §4): its request is answered with 500."""


class InvalidResponseHeader(ValueError):
    """The application's header value holds what no value may (RFC 9110 §5.5). Its value is not quoted: a secret."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Invalid response header from the application: {name!r}")


class InvalidResponseHeaderName(ValueError):
    """The application's header name is no token (RFC 9110 §5.1)."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Invalid response header name from the application: {name!r}")
