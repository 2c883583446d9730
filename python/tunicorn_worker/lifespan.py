"""The lifespan of an ASGI application in one worker (ASGI "Lifespan Protocol"): Gunicorn's log lines and times."""

from __future__ import annotations

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import Any

STARTUP_SECONDS = 30
SHUTDOWN_SECONDS = 30


class LifespanUnsupported(Exception):
    """The application raised, returned or said nothing in its time: maybe it has no lifespan."""


class LifespanFailed(Exception):
    """The application said `lifespan.startup.failed`: it cannot serve."""


class Lifespan:
    """state: the application's, of which each request gets a copy"""

    def __init__(self, application: Any, log: logging.Logger) -> None:
        self.state: dict[str, Any] = {}
        self._application = application
        self._log = log
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._started = asyncio.Event()
        self._stopped = asyncio.Event()
        self._startup_error: Exception | None = None
        self._shutdown_error: str | None = None
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Raises LifespanFailed, LifespanUnsupported."""
        self._messages.put_nowait({"type": "lifespan.startup"})
        self._task = asyncio.get_running_loop().create_task(self._run())
        try:
            await asyncio.wait_for(self._started.wait(), STARTUP_SECONDS)
        except asyncio.TimeoutError:
            self._task.cancel()
            raise LifespanUnsupported("Lifespan startup timed out") from None
        if self._startup_error is not None:
            self._task.cancel()
            raise self._startup_error
        self._log.debug("ASGI lifespan startup complete")

    async def shutdown(self) -> None:
        """Tell the application; a failure is logged."""
        task = self._task
        if task is None or task.done():
            self._log.debug("ASGI lifespan already finished")
            return
        self._messages.put_nowait({"type": "lifespan.shutdown"})
        try:
            await asyncio.wait_for(self._stopped.wait(), SHUTDOWN_SECONDS)
        except asyncio.TimeoutError:
            self._log.warning("Lifespan shutdown timed out")
        if self._shutdown_error is not None:
            self._log.error("Lifespan shutdown error: %s", self._shutdown_error)
        task.cancel()
        await asyncio.wait([task])
        self._log.debug("ASGI lifespan shutdown complete")

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.4"}, "state": self.state}
        error = "Application exited before startup complete"
        try:
            await self._application(scope, self._messages.get, self._send)
        except asyncio.CancelledError:
            pass  # We did that: its time was over.
        except Exception as failure:
            self._log.debug("Lifespan application raised: %s", failure)
            error = str(failure)
            if self._started.is_set() and not self._stopped.is_set():
                self._shutdown_error = error
        if not self._started.is_set():
            self._startup_error = LifespanUnsupported(f"Lifespan startup failed: {error}")
        self._started.set()
        self._stopped.set()

    async def _send(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete":
            self._started.set()
        elif kind == "lifespan.startup.failed":
            self._startup_error = LifespanFailed(f"Lifespan startup failed: {message.get('message', '')}")
            self._started.set()
        elif kind == "lifespan.shutdown.complete":
            self._stopped.set()
        elif kind == "lifespan.shutdown.failed":
            self._shutdown_error = message.get("message", "")
            self._stopped.set()
