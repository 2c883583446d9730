"""Calls a WSGI application (PEP 3333) for one request and sends what it answers."""

from __future__ import annotations

import errno

from tunicorn_worker.client_socket import ClientSocket
from tunicorn_worker.errors import ClientGone, RequestTimeout
from tunicorn_worker.field_lines import FieldLines
from tunicorn_worker.file_wrapper import FileWrapper, find_region
from tunicorn_worker.interruption import has_hit_our_code
from tunicorn_worker.loggers import error_log
from tunicorn_worker.start_response import OPEN, Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tunicorn_worker.config import Config
    from tunicorn_worker.request_channel import RequestChannel

ERROR_STATUS = b"500 Internal Server Error"
ERROR_PAGE = b"""\
<html>
  <head>
    <title>Internal Server Error</title>
  </head>
  <body>
    <h1><p>Internal Server Error</p></h1>
    \n\
  </body>
</html>
"""
"""Gunicorn's page, byte for byte: its message is empty, which leaves four blanks on a line."""
ERROR_HEAD = b"Content-Type: text/html\r\nContent-Length: %d\r\n" % len(ERROR_PAGE)

CLIENT_GONE_LINE = "Ignoring EPIPE"
"""Gunicorn's debug line for a client that has left."""


HTTP_2 = "HTTP/2.0"
"""SERVER_PROTOCOL of requests whose responses may have trailers."""
SEND_TRAILERS = "gunicorn.http2.send_trailers"
"""Gunicorn's name for what sends them."""
CONNECTION_ENDED = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN)
"""What an application meets that goes on with a connection which its client has left."""


def peer_of(environ: dict[str, Any]) -> tuple[str, str | None]:
    return environ["REMOTE_ADDR"], environ.get("REMOTE_PORT")


class WsgiCaller:
    """One application and how to call it. `call` never raises for what the application does."""

    __slots__ = ("_application", "_known", "_log", "_sends_files")

    def __init__(self, application: Any, config: Config) -> None:
        self._application = application
        self._known = FieldLines()
        self._log = error_log()
        self._sends_files = config.sendfile

    def call(self, channel: RequestChannel, environ: dict[str, Any]) -> None:
        """Serve the channel's current request: exactly one of RESPONSE, END, ABORT, TAKEN or a taken FILE ends it.

        A whole response leaves before close() is called, which may take its time.
        """
        response = Response(channel, self._known, environ["REQUEST_METHOD"])
        environ["wsgi.early_hints"] = response.early_hints
        environ["gunicorn.socket"] = ClientSocket(channel, peer_of(environ))
        if environ["SERVER_PROTOCOL"] == HTTP_2:
            environ[SEND_TRAILERS] = response.send_trailers
        try:
            result = self._application(environ, response.start_response)
            if result.__class__ is list:
                response.send_list(result)
            else:
                self._send_iterable(response, result)
        except BaseException as error:
            self._fail(channel, response, environ, error)
        if channel.taken is not None:
            channel.close_taken()

    def _send_iterable(self, response: Response, result: Any) -> None:
        """Send what the application returned as it comes, and close it whatever happens."""
        try:
            if result.__class__ is tuple or result.__class__ is list:
                response.send_list(result)
            elif not (isinstance(result, FileWrapper) and self._send_file(response, result)):
                write = response.write
                for chunk in result:
                    write(chunk)
                response.end()
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def _send_file(self, response: Response, wrapper: FileWrapper) -> bool:
        """Let the gateway send a wrapped file. False: iterate it."""
        if not self._sends_files or response.status is None:
            return False
        region = find_region(wrapper.filelike, response.content_length)
        return region is not None and response.send_file(region)

    def _end_taken(self, response: Response, environ: dict[str, Any], error: BaseException) -> None:
        """End a request whose client's connection the application has taken. Raises GatewayGone."""
        if isinstance(error, StopIteration):
            # How applications tell Gunicorn that there is nothing to answer.
            self._log.debug("Closing connection. %s", error)
        elif isinstance(error, OSError) and error.errno in CONNECTION_ENDED:
            self._log.debug(CLIENT_GONE_LINE)
        else:
            self._log.exception("Error handling request %s %s", response.method, environ.get("RAW_URI", ""))
        response.abort()

    def _fail(self, channel: RequestChannel, response: Response, environ: dict[str, Any], error: BaseException) -> None:
        """Log why a request failed and end its response: Gunicorn's lines, 500 as long as nothing has left."""
        try:
            # Frameworks raise an OSError of their own in place of ours (Django's UnreadablePostError).
            if isinstance(error, ClientGone) or (isinstance(error, OSError) and response.client_gone):
                self._log.debug(CLIENT_GONE_LINE)
                response.abort()
            elif isinstance(error, RequestTimeout):
                self._log.error("Request timed out %s %s", response.method, environ.get("RAW_URI", ""), exc_info=error)
                if has_hit_our_code(error):
                    # What has left, and what has not, nobody knows: the gateway answers when the channel ends.
                    channel.hang_up()
                    channel.lost = True
                else:
                    # Without a head: the gateway answers 504.
                    response.abort()
            elif response.killed:
                response.abort()
            elif response.taken:
                self._end_taken(response, environ, error)
            elif response.state == OPEN:
                target = environ.get("RAW_URI", "")
                self._log.exception("Error handling request %s %s", response.method, target)
                response.replace(ERROR_STATUS, ERROR_HEAD, ERROR_PAGE)
            else:
                self._log.exception("Error handling request")
                response.abort()
        except ClientGone:
            self._log.debug(CLIENT_GONE_LINE)
