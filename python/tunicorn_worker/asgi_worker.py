"""The asgi worker: an event loop that serves the requests which the gateway pushes to it."""

from __future__ import annotations

import asyncio
import importlib
import mmap
import os
import socket
import threading

from tunicorn_worker.access_journal import AccessJournal
from tunicorn_worker.asgi_channel import AsgiChannel
from tunicorn_worker.errors import BootError
from tunicorn_worker.hooked_asgi import make_service
from tunicorn_worker.lifespan import Lifespan, LifespanFailed, LifespanUnsupported
from tunicorn_worker.orders import Orders, WorkerEnds
from tunicorn_worker.pushed_worker import PushedWorker
from tunicorn_worker.request_count import make_count
from tunicorn_worker.stacks import format_task, format_tasks, format_threads
from tunicorn_worker.uvicorn_ways import UvicornScopes
from tunicorn_worker.wire import ENTRIES_OFFSET, ENTRY_BYTES, ENTRY_COUNT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger
    from types import FrameType
    from typing import Any

    from tunicorn_worker.asgi_http import HttpService
    from tunicorn_worker.config import Config
    from tunicorn_worker.control_link import ControlLink
    from tunicorn_worker.hooks import WorkerHooks
    from tunicorn_worker.line_channel import Message
    from tunicorn_worker.loggers import Loggers

STOP_RESERVE_SECONDS = 1
"""Of graceful_timeout, so much is kept for applications to clean up once they are cancelled: then comes SIGKILL."""

CLEAN_UP_SECONDS = 1
"""For the clean-up of tasks that are cancelled at the very end, as Gunicorn after INT and QUIT."""


class AsgiWorker(PushedWorker):
    """One event loop in the process's main thread, and what it is told."""

    def __init__(self, *, number: int, control: ControlLink, lifeline: int, loggers: Loggers) -> None:
        """lifeline: descriptor, see Orders."""
        self._number = number
        self._control = control
        self._lifeline = lifeline
        self._loggers = loggers
        self._log = loggers.error
        self._writes_access = False
        self._channels: dict[int, AsgiChannel] = {}
        self._service: HttpService | None = None
        self._links_waiting: dict[int, tuple[int, int, int]] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._ready = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def abort(self) -> None:
        """SystemExit is about to be raised in whatever runs. Called by a signal handler."""
        if self._service is not None:
            self._service.aborted = True
            tasks = format_tasks(self._service.loop)
            self._log.error("stacks of all tasks at SIGABRT pid=%d\n%s", os.getpid(), tasks)

    def quits_by_itself(self) -> bool:
        # The loop reads the order `quit`, and lets the application clean up.
        return self._loop is not None and self._loop.is_running()

    def describe(self, request: int, frame: FrameType | None) -> str:
        """Say where a request's task waits, and where threads are, one of which it may be waiting for, or run in.
        Called by a signal handler.
        """
        service = self._service
        # Two gateways may have given the same number.
        exchanges = [channel.exchanges.get(request) for channel in list(self._channels.values())]
        tasks = [exchange.task for exchange in exchanges if exchange is not None]
        if service is None or not tasks:
            return ""
        shown = "\n".join(format_task(task) for task in tasks)
        runs = asyncio.current_task(service.loop) in tasks
        return f"{shown}\n{format_threads(frame)}" if runs or threading.active_count() > 1 else shown

    def interrupt(self, _frame: FrameType | None) -> None:
        """Cancel what is over its time, in a moment: called by a signal handler."""
        service = self._service
        if service is not None:
            for channel in list(self._channels.values()):
                service.loop.call_soon_threadsafe(channel.cancel_late)

    def run(self, application: Any, config: Config, hooks: WorkerHooks, on_ready: Callable[[], None]) -> None:
        """Serve until told to leave. on_ready is called when the application has started up.

        Raises WorkerEnds for leaving at once, BootError.
        """
        if config.threads > 1:
            self._log.warning("ASGI worker does not use threads configuration. Use worker_connections instead.")
        self._writes_access = config.access_in_python
        if config.uvicorn is not None:
            proxies = config.forwarded_allow_ips if config.uvicorn["proxyHeaders"] else None
            application = UvicornScopes(application, config.root_path, proxies)
        loop = self._loop = make_loop(config.asgi_loop, self._log)
        asyncio.set_event_loop(loop)
        loop.run_until_complete(self._serve(application, config, hooks, on_ready))

    async def _serve(self, application: Any, config: Config, hooks: WorkerHooks, on_ready: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self._told: asyncio.Future[WorkerEnds] = loop.create_future()
        self._quiet = asyncio.Event()
        self._orders = Orders(
            self._number, self._control, self._lifeline, self._loggers, LoopWaiter(loop, self._look), self._carry_out
        )
        try:
            await self._serve_until_told(application, config, hooks, on_ready)
        finally:
            await cancel_rest()

    async def _serve_until_told(
        self, application: Any, config: Config, hooks: WorkerHooks, on_ready: Callable[[], None]
    ) -> None:
        lifespan = Lifespan(application, self._log)
        request_count = make_count(config, self._log, self._control.report_worn)
        if request_count is not None:
            hooks.worker.max_requests = request_count.limit
        self._service = make_service(application, config, self._log, lifespan.state, request_count, hooks)
        started = config.asgi_lifespan != "off" and await self._start_up(lifespan, forced=config.asgi_lifespan == "on")
        on_ready()
        self._ready = True
        for index in list(self._links_waiting):
            self._take_link(index)
        end = await self._told
        # Without lifespan.shutdown, as Gunicorn: the application's lifespan is cancelled with its requests.
        if end.at_once:
            raise end
        await self._finish(max(0, config.graceful_timeout - STOP_RESERVE_SECONDS))
        if started:
            await lifespan.shutdown()

    async def _start_up(self, lifespan: Lifespan, *, forced: bool) -> bool:
        """Run the application's startup; False when it has none. Raises BootError, WorkerEnds."""
        startup = asyncio.ensure_future(lifespan.startup())
        # A stop that comes meanwhile is not to wait for it.
        await asyncio.wait((startup, self._told), return_when=asyncio.FIRST_COMPLETED)
        if self._told.done():
            raise self._told.result()
        try:
            startup.result()
        except (LifespanFailed, LifespanUnsupported) as error:
            if forced or isinstance(error, LifespanFailed):
                raise BootError(f"ASGI lifespan startup failed: {error}") from error
            self._log.debug("ASGI lifespan not supported by app: %s", error)
            return False
        return True

    # -- what it is told

    def _look(self, descriptor: int) -> None:
        try:
            self._orders.look({descriptor})
        except WorkerEnds as end:
            self._leave(end)
        self._leave_if_alone()

    def _leave(self, end: WorkerEnds) -> None:
        if not self._told.done():
            self._told.set_result(end)
        self._quiet.set()

    def _carry_out(self, message: Message) -> bool:
        if message["cmd"] == "link":
            index = message["index"]
            self._drop_link(index)
            descriptors = self._control.take_link()
            if descriptors is not None:
                self._links_waiting[index] = descriptors
                if self._ready and not self._told.done():
                    self._take_link(index)
        elif message["cmd"] == "stop":
            self._leave(WorkerEnds(at_once=False))
        else:
            return False
        return True

    # -- the channels

    def _drop_link(self, index: int) -> None:
        """Let go of a gateway that was replaced, and of a link that was never used."""
        channel = self._channels.pop(index, None)
        if channel is not None:
            channel.abort()
        for descriptor in self._links_waiting.pop(index, ()):
            os.close(descriptor)

    def _take_link(self, index: int) -> None:
        """Use a gateway's channel, and tell it that this worker is ready."""
        if self._service is None:
            return
        channel_fd, pipe, memory = self._links_waiting.pop(index)
        # Tickets are for workers that pull.
        os.close(pipe)
        entries = memoryview(mmap.mmap(memory, ENTRY_COUNT * ENTRY_BYTES, offset=ENTRIES_OFFSET)).cast("I")
        os.close(memory)
        journal = AccessJournal(self._log) if self._writes_access else None
        channel = AsgiChannel(self._service, entries, self._on_channel_change, journal)
        self._channels[index] = channel
        end = socket.socket(fileno=channel_fd)
        end.setblocking(False)
        loop = asyncio.get_running_loop()
        # It makes no connection: the socket has one. Kept, because the loop itself would forget the task.
        self._connecting.add(loop.create_task(self._connect(loop, channel, end)))

    async def _connect(self, loop: asyncio.AbstractEventLoop, channel: AsgiChannel, end: socket.socket) -> None:
        await loop.create_unix_connection(lambda: channel, sock=end)
        if channel.journal is not None:
            channel.ask_for_reports(wanted=True)
        channel.send_ready(self._number)
        self._connecting = {task for task in self._connecting if not task.done()}

    def _wake(self) -> None:
        self._quiet.set()

    # -- the end

    async def _finish(self, seconds: float) -> None:
        """Take no more requests, let those that run finish, cancel what is left after `seconds`."""
        if self._connecting:
            await asyncio.wait(self._connecting)
        channels = list(self._channels.values())
        for channel in channels:
            channel.send_leaving()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds

        def is_quiet() -> bool:
            return all(channel.lost or (channel.released and not channel.tasks) for channel in channels)

        await self._wait_until(is_quiet, deadline)
        tasks = [task for channel in channels for task in channel.tasks]
        if tasks:
            self._log.warning("Forcing close of %d connections", len(tasks))
            for task in tasks:
                task.cancel()
            grace = loop.time() + STOP_RESERVE_SECONDS / 2
            await self._wait_until(lambda: not any(channel.tasks for channel in channels), grace)
        reporting = [channel for channel in channels if channel.journal is not None and not channel.lost]
        if reporting:
            for channel in reporting:
                channel.ask_for_reports(wanted=False)
            grace = loop.time() + STOP_RESERVE_SECONDS / 2
            await self._wait_until(lambda: all(channel.lost or channel.reports_ended for channel in reporting), grace)
        for channel in channels:
            if not channel.lost:
                channel.close()
        grace = loop.time() + STOP_RESERVE_SECONDS / 2
        await self._wait_until(lambda: all(channel.lost for channel in channels), grace)

    async def _wait_until(self, condition: Callable[[], bool], deadline: float) -> None:
        loop = asyncio.get_running_loop()
        while not condition() and loop.time() < deadline:
            self._quiet.clear()
            try:
                await asyncio.wait_for(self._quiet.wait(), deadline - loop.time())
            except asyncio.TimeoutError:
                return


async def cancel_rest() -> None:
    """Cancel every task but this one, and wait for their clean-up, within bounds."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    if rest:
        await asyncio.wait(rest, timeout=CLEAN_UP_SECONDS)


class LoopWaiter:
    """Descriptors that an event loop watches."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_readable: Callable[[int], None]) -> None:
        self._loop = loop
        self._on_readable = on_readable

    def add(self, descriptor: int) -> None:
        self._loop.add_reader(descriptor, self._on_readable, descriptor)

    def remove(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)


def make_loop(kind: str, log: Logger) -> asyncio.AbstractEventLoop:
    """Make the event loop of the setting asgi_loop: uvloop is the application's, and used where it is installed.

    Raises BootError when it was asked for and cannot be imported.
    """
    if kind != "asyncio":
        try:
            uvloop: Any = importlib.import_module("uvloop")
        except ImportError as error:
            if kind == "uvloop":
                raise BootError(f"asgi_loop is 'uvloop', but it cannot be imported: {error}") from error
        else:
            log.debug("Using uvloop event loop")
            loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
            return loop
    log.debug("Using asyncio event loop")
    return asyncio.new_event_loop()
