"""Calls the hooks of the configuration that belong to a worker's process."""

from __future__ import annotations

import importlib
import traceback

from tunicorn_worker.hook_objects import HookWorker
from tunicorn_worker.hook_server import HookServer
from tunicorn_worker.loggers import shows_debug
from tunicorn_worker.python_value import count_positional
from tunicorn_worker.statsd_log import server_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tunicorn_worker.asgi_hook_objects import AsgiHookRequest, AsgiHookResponse
    from tunicorn_worker.config import Config
    from tunicorn_worker.hook_objects import HookRequest, HookResponse
    from tunicorn_worker.hook_server import Inherited
    from tunicorn_worker.loggers import Loggers

    Hook = Callable[..., object]
    AnyRequest = HookRequest | AsgiHookRequest
    AnyResponse = HookResponse | AsgiHookResponse


class WorkerHooks:
    """The hooks of one worker. Those that were not set do nothing, `pre_request` but for its debug line.

    worker: what they are called with
    """

    def __init__(self, number: int, config: Config, loggers: Loggers, inherited: Inherited | None = None) -> None:
        """inherited: server and worker as the master's hooks have had them; None: it has none.

        Raises ImportError, AttributeError for a hook that is named by a string that names nothing.
        """
        log = server_log(loggers, config)
        self._server, self.worker = inherited or (HookServer(config, log), HookWorker(number, config, log))
        self.worker.start(log)
        self._server.enter_worker(self.worker, config, log)
        self._post_fork = find_hook(config.post_fork)
        self._log = loggers.error
        self._post_worker_init = find_hook(config.post_worker_init)
        self._worker_int = find_hook(config.worker_int)
        self._worker_abort = find_hook(config.worker_abort)
        self._worker_exit = find_hook(config.worker_exit)
        self._pre_request = find_hook(config.pre_request)
        self._post_request = find_hook(config.post_request)
        self._post_request_arguments = 0 if self._post_request is None else count_positional(self._post_request)

    @property
    def of_requests(self) -> bool:
        """Whether anything is to be done before or after a request."""
        return self._pre_request is not None or self._post_request is not None or shows_debug(self._log)

    def forked(self) -> None:
        """The process is there. Raises what `post_fork` raises: the worker has not booted then."""
        if self._post_fork is not None:
            self._post_fork(self._server, self.worker)

    def booted(self, application: object) -> object:
        """The application is loaded. Returns what is to be served: `post_worker_init` may have wrapped it.

        Raises what `post_worker_init` raises: the worker has not booted then.
        """
        self.worker.application = application
        if self._post_worker_init is not None:
            self._post_worker_init(self.worker)
        self.worker.booted = True
        served: object = self.worker.application
        return served

    def interrupted(self) -> None:
        """The worker is to leave at once."""
        self.worker.alive = False
        self._call_safely("worker_int", self._worker_int)

    def aborted(self) -> None:
        """The worker was silent for too long."""
        self.worker.alive = False
        self.worker.aborted = True
        self._call_safely("worker_abort", self._worker_abort)

    def exiting(self) -> None:
        """The last that happens in a worker but for atexit functions."""
        if self._worker_exit is None:
            return
        try:
            self._worker_exit(self._server, self.worker)
        except Exception:
            self._log.warning("Exception during worker exit:\n%s", traceback.format_exc())

    def before_request(self, request: AnyRequest) -> None:
        """Raises what `pre_request` raises: the request has failed then."""
        if self._pre_request is not None:
            self._pre_request(self.worker, request)
        else:
            # Gunicorn's default hook.
            self._log.debug("%s %s", request.method, request.path)

    def after_request(self, request: AnyRequest, environ: dict[str, Any] | None, response: AnyResponse | None) -> None:
        """environ, response: empty and None when `before_request` of a WSGI request has failed."""
        if self._post_request is None:
            return
        arguments = (self.worker, request, environ, response)
        try:
            self._post_request(*arguments[: self._post_request_arguments])
        except Exception:
            self._log.exception("Exception in post_request hook")

    def _call_safely(self, name: str, hook: Hook | None) -> None:
        """Nothing that a hook raises keeps a worker from leaving."""
        if hook is None:
            return
        try:
            hook(self.worker)
        except Exception:
            self._log.exception("Exception in %s hook", name)


def find_hook(value: Hook | str | None) -> Hook | None:
    """Return the function itself; a string names one: ``"package.module.function"``."""
    if not isinstance(value, str):
        return value
    module, _, name = value.rpartition(".")
    hook: Hook = getattr(importlib.import_module(module), name)
    return hook
