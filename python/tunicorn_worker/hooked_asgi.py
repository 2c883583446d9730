"""Calls an ASGI application with the hooks of requests around it."""

from __future__ import annotations

from tunicorn_worker.asgi_hook_objects import AsgiHookRequest, AsgiHookResponse, make_hook_environ
from tunicorn_worker.asgi_http import STREAMING, HttpExchange, HttpService
from tunicorn_worker.config import has_access_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import Any

    from tunicorn_worker.asgi_http import Channel
    from tunicorn_worker.config import Config
    from tunicorn_worker.hooks import WorkerHooks
    from tunicorn_worker.request_count import RequestCount


class HookedService(HttpService):
    """As HttpService, for a configuration with hooks of requests, or an access log in Python.

    shows_response: `post_request` gets environ and response, as with Gunicorn only where there is an access log
    """

    def __init__(
        self,
        application: Any,
        config: Config,
        log: logging.Logger,
        state: dict[str, Any],
        request_count: RequestCount | None,
        hooks: WorkerHooks,
    ) -> None:
        super().__init__(application, config, log, state, request_count)
        self.exchange = HookedExchange
        self.hooks = hooks
        self.shows_response = has_access_log(config)


class HookedExchange(HttpExchange):
    """One request with `pre_request` before its application's call and `post_request` behind it.

    shown: the response, as hooks and the access log see it
    """

    __slots__ = ("shown",)

    def __init__(self, channel: Channel, stream: int, method: str, body: bytes | None) -> None:
        super().__init__(channel, stream, method, body)
        self.shown = AsgiHookResponse()

    async def run(self, application: Any, scope: dict[str, Any]) -> None:
        """As HttpExchange's. `post_request` runs when the call is over, and whatever has failed."""
        service: Any = self._channel.service
        hooks: WorkerHooks = service.hooks
        request: AsgiHookRequest | None = None

        async def call(scope: dict[str, Any], receive: Any, send: Any) -> None:
            nonlocal request
            request = AsgiHookRequest(scope)
            hooks.before_request(request)
            await application(scope, receive, send)

        try:
            await super().run(call, scope)
        finally:
            # A client that left before the application was called has had no request.
            if request is not None:
                if service.shows_response:
                    hooks.after_request(request, make_hook_environ(request, scope), self.shown)
                else:
                    hooks.after_request(request, None, None)
                hooks.worker.nr += 1

    async def send(self, message: dict[str, Any]) -> None:
        """As HttpExchange's; notes what the response is."""
        await super().send(message)
        kind = message["type"]
        if kind == "http.response.start":
            self.shown.start(message["status"], message.get("headers", ()))
        elif kind == "http.response.body" and not self._bodiless:
            self.shown.add(len(message.get("body", b"")), self._content_length)
        elif kind == "http.response.pathsend" and not self._bodiless:
            self.shown.add(self._content_length or 0, self._content_length)

    def _give_up(self) -> None:
        if self._state < STREAMING:
            # What the application has started never left.
            self.shown = AsgiHookResponse()
        super()._give_up()


def make_service(
    application: Any,
    config: Config,
    log: logging.Logger,
    state: dict[str, Any],
    request_count: RequestCount | None,
    hooks: WorkerHooks,
) -> HttpService:
    if hooks.of_requests or config.access_in_python:
        return HookedService(application, config, log, state, request_count, hooks)
    return HttpService(application, config, log, state, request_count)
