"""Calls a WSGI application with the hooks of requests around it."""

from __future__ import annotations

from tunicorn_worker.client_socket import ClientSocket
from tunicorn_worker.hook_objects import HookRequest, HookResponse
from tunicorn_worker.start_response import Response
from tunicorn_worker.wsgi import HTTP_2, SEND_TRAILERS, WsgiCaller, peer_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tunicorn_worker.config import Config
    from tunicorn_worker.hooks import WorkerHooks
    from tunicorn_worker.request_channel import RequestChannel


class HookedCaller(WsgiCaller):
    """As WsgiCaller, for a configuration with hooks of requests, or with an access log in Python: the others do not
    pay for them.
    """

    __slots__ = ("_config", "_hooks")

    def __init__(self, application: Any, config: Config, hooks: WorkerHooks) -> None:
        super().__init__(application, config)
        self._config = config
        self._hooks = hooks

    def call(self, channel: RequestChannel, environ: dict[str, Any]) -> None:
        """As WsgiCaller's. `post_request` runs when the response has left, and whatever has failed."""
        response = Response(channel, self._known, environ["REQUEST_METHOD"])
        request = HookRequest(environ, self._config)
        shown: tuple[dict[str, Any], HookResponse | None] = ({}, None)
        journal, stream = channel.journal, channel.stream
        line = None if journal is None else journal.open(stream)
        if line is not None:
            line.request, line.environ = request, environ
        try:
            self._hooks.before_request(request)
            self._hooks.worker.nr += 1
            environ["wsgi.early_hints"] = response.early_hints
            environ["gunicorn.socket"] = ClientSocket(channel, peer_of(environ))
            if environ["SERVER_PROTOCOL"] == HTTP_2:
                environ[SEND_TRAILERS] = response.send_trailers
            hooked = HookResponse(request, response, self._config)
            shown = (environ, hooked)
            if line is not None:
                line.response = hooked
            self._send_iterable(response, self._application(environ, hooked.start_response))
        except BaseException as error:
            self._fail(channel, response, environ, error)
        finally:
            if channel.taken is not None:
                channel.close_taken()
            self._hooks.after_request(request, *shown)
            if journal is not None:
                journal.end(stream)


def make_caller(application: Any, config: Config, hooks: WorkerHooks) -> WsgiCaller:
    if hooks.of_requests or config.access_in_python:
        return HookedCaller(application, config, hooks)
    return WsgiCaller(application, config)
