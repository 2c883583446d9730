"""The gevent and eventlet workers: a greenlet for each of the requests that the gateway pushes to them."""

from __future__ import annotations

import mmap
import os
import select

# By its name: eventlet puts a function into this module that waits, which a signal handler in the hub may not.
from os import write
from time import monotonic

from tunicorn_worker.access_journal import AccessJournal
from tunicorn_worker.environ import base_environ
from tunicorn_worker.errors import GatewayGone, RequestTimeout
from tunicorn_worker.green_channel import GreenChannel, GreenStream
from tunicorn_worker.hooked_wsgi import make_caller
from tunicorn_worker.interruption import is_in_application
from tunicorn_worker.orders import Orders, WorkerEnds
from tunicorn_worker.pushed_worker import PushedWorker
from tunicorn_worker.request_count import CountedCaller, make_count
from tunicorn_worker.stacks import format_frame, format_greenlets
from tunicorn_worker.wire import ENTRIES_OFFSET, ENTRY_BYTES, ENTRY_COUNT

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    from tunicorn_worker.config import Config
    from tunicorn_worker.control_link import ControlLink
    from tunicorn_worker.green_library import GreenLibrary
    from tunicorn_worker.hooks import WorkerHooks
    from tunicorn_worker.line_channel import Message
    from tunicorn_worker.loggers import Loggers
    from tunicorn_worker.request_count import Caller

STOP_RESERVE_SECONDS = 1
"""Of graceful_timeout, so much is kept for greenlets that are killed to clean up: then comes SIGKILL."""
LATE_BYTES = 4096
"""More than one byte for each signal that may have come meanwhile."""
LIBRARIES = frozenset({"gevent", "eventlet", "greenlet"})


class GreenWorker(PushedWorker):
    """The main greenlet, which waits for the end, and what the worker is told."""

    def __init__(
        self, library: GreenLibrary, *, number: int, control: ControlLink, lifeline: int, loggers: Loggers
    ) -> None:
        """lifeline: descriptor, see Orders."""
        library.begin()
        self._library = library
        self._number = number
        self._control = control
        self._log = loggers.error
        self._writes_access = False
        self._watched: set[int] = set()
        self._orders = Orders(number, control, lifeline, loggers, self._watched, self._carry_out)
        self._channels: dict[int, GreenChannel] = {}
        self._limit_seconds = 0
        self._late_read, self._late_write = os.pipe()
        os.set_blocking(self._late_write, False)
        self._end: WorkerEnds | None = None
        self._aborted = False
        self._quitting = False
        self._news = library.make_news()

    # -- called by signal handlers

    def abort(self) -> None:
        """SystemExit is about to be raised in whatever runs."""
        self._aborted = True
        for channel in list(self._channels.values()):
            channel.ending = True
        stacks = format_greenlets([request.greenlet for request in self._requests()])
        if stacks:
            self._log.error("stacks of waiting greenlets at SIGABRT pid=%d\n%s", os.getpid(), stacks)
        self._leave(WorkerEnds(at_once=False))

    def quits_by_itself(self) -> bool:
        """Hooks may wait, and in the hub nothing may: the command that has come with the signal is obeyed then."""
        self._quitting = not self._library.in_hub()
        return not self._quitting

    def describe(self, request: int, frame: FrameType | None) -> str:
        """Say where a request's greenlet waits or runs; for 0, where all wait. Called by a signal handler."""
        if not request:
            return format_greenlets([each.greenlet for each in self._requests()])
        # Two gateways may have given the same number.
        found = [each.greenlet for each in self._requests() if each.stream == request]
        current = self._library.current()
        return "\n".join(format_frame(frame if each is current else each.gr_frame) for each in found)

    def interrupt(self, frame: FrameType | None) -> None:
        """Raise RequestTimeout in the greenlets whose requests are over their time: here in one that computes, soon in
        those that wait. Called by a signal handler.

        frame: where the main thread was
        """
        # By a pipe: it wakes the hub, whose functions are not for signal handlers.
        try:
            write(self._late_write, b".")
        except BlockingIOError:
            pass  # The pipe is full of news.
        if is_in_library(frame) or not is_in_application(frame):
            return
        current = self._library.current()
        latest = monotonic() - self._limit_seconds
        for request in self._requests():
            if request.greenlet is current and request.is_late(latest):
                raise RequestTimeout()

    def _requests(self) -> list[GreenStream]:
        """All that are not answered, whichever gateway they come from."""
        return [request for channel in list(self._channels.values()) for request in list(channel.streams.values())]

    def _hear_late(self) -> None:
        """The greenlet that has the hub look for what is late."""
        while True:
            select.select([self._late_read], [], [])
            os.read(self._late_read, LATE_BYTES)
            self._library.call_in_hub(self._interrupt_waiting)

    def _interrupt_waiting(self) -> None:
        """In the hub: between the look at where a greenlet waits and the raising there, nothing runs."""
        latest = monotonic() - self._limit_seconds
        for request in self._requests():
            greenlet = request.greenlet
            if request.is_late(latest) and is_in_application(greenlet.gr_frame):
                self._library.throw(greenlet, RequestTimeout)

    # -- its life

    def run(self, application: Any, config: Config, hooks: WorkerHooks, on_ready: Callable[[], None]) -> None:
        """Serve until told to leave. Raises WorkerEnds for leaving at once."""
        self._writes_access = config.access_in_python
        caller: Caller = make_caller(application, config, hooks)
        request_count = make_count(config, self._log, self._control.report_worn)
        if request_count is not None:
            caller = CountedCaller(caller, request_count)
            hooks.worker.max_requests = request_count.limit
        self._call = caller.call
        if config.request_timeout:
            self._limit_seconds = config.request_timeout
            self._library.spawn(self._hear_late)
        self._base = base_environ(config, multithread=True)
        self._library.spawn(self._obey)
        on_ready()
        while self._end is None:
            self._news.acquire()
        if self._end.at_once:
            raise self._end
        if not self._aborted:
            self._finish(max(0, config.graceful_timeout - STOP_RESERVE_SECONDS))
        self._close(STOP_RESERVE_SECONDS / 2)

    def _obey(self) -> None:
        """The greenlet that reads what the worker is told."""
        while self._watched and self._end is None:
            ready, _, _ = select.select(list(self._watched), [], [])
            try:
                self._orders.look(set(ready))
            except WorkerEnds as end:
                self._leave(end)
            self._leave_if_alone()

    def _leave(self, end: WorkerEnds) -> None:
        # The greenlet that a signal has interrupted is leaving.
        if self._quitting:
            return
        if self._end is None:
            self._end = end
        self._news.release()

    def _carry_out(self, message: Message) -> bool:
        if message["cmd"] == "link":
            descriptors = self._control.take_link()
            if descriptors is not None and self._end is None:
                self._link(message["index"], message["gateway"], *descriptors)
        elif message["cmd"] == "stop":
            self._leave(WorkerEnds(at_once=False))
        else:
            return False
        return True

    def _link(self, index: int, gateway: int, channel: int, pipe: int, memory: int) -> None:
        """Use a gateway's channel and memory, and tell it that this worker is ready."""
        before = self._channels.pop(index, None)
        if before is not None:
            before.close()
        # Tickets are for workers that pull.
        os.close(pipe)
        entries = memoryview(mmap.mmap(memory, ENTRY_COUNT * ENTRY_BYTES, offset=ENTRIES_OFFSET)).cast("I")
        os.close(memory)

        def hand_over(stream: int, end: socket.socket) -> None:
            self._control.hand_over(gateway, stream, end.fileno())

        linked = self._channels[index] = GreenChannel(
            self._library.adopt(channel),
            self._library,
            entries,
            call=self._call,
            base=self._base,
            hand_over=hand_over,
            on_change=self._on_channel_change,
            journal=AccessJournal(self._log) if self._writes_access else None,
        )
        if self._writes_access:
            linked.ask_for_reports(wanted=True)
        linked.send_ready(self._number)

    def _wake(self) -> None:
        self._news.release()

    # -- the end

    def _finish(self, seconds: float) -> None:
        """Take no more requests, let those that run finish, kill what is left after `seconds`."""
        channels = list(self._channels.values())
        for channel in channels:
            try:
                channel.send_leaving()
            except GatewayGone:
                pass  # It is `lost`.

        def is_quiet() -> bool:
            return all(channel.lost or (channel.released and not channel.streams) for channel in channels)

        if self._wait_until(is_quiet, seconds):
            return
        self._log.warning("Worker graceful timeout (pid:%s)", os.getpid())
        for request in self._requests():
            request.killed = True
            self._library.kill(request.greenlet)
        self._wait_until(lambda: not self._requests(), STOP_RESERVE_SECONDS / 2)

    def _close(self, seconds: float) -> None:
        """What has been answered still reaches the gateways."""
        channels = list(self._channels.values())
        for channel in channels:
            channel.ending = True
            if self._writes_access and not channel.lost:
                channel.ask_for_reports(wanted=False)
        if self._writes_access:
            self._wait_until(lambda: all(channel.lost or channel.reports_ended for channel in channels), seconds)
        for channel in channels:
            channel.flush()
        self._wait_until(lambda: all(channel.flushed for channel in channels), seconds, look_seconds=0.01)
        for channel in channels:
            channel.close()

    def _wait_until(self, condition: Callable[[], bool], seconds: float, look_seconds: float | None = None) -> bool:
        """Wait for at most `seconds`; False when the condition is still not met.

        look_seconds: look this often though nothing is told
        """
        deadline = monotonic() + seconds
        while not condition():
            left = deadline - monotonic()
            if left <= 0:
                return False
            self._news.acquire(timeout=left if look_seconds is None else min(left, look_seconds))
        return True


def is_in_library(frame: FrameType | None) -> bool:
    """Whether the code that runs is the hub's library's own, which an exception would leave half done."""
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package in LIBRARIES:
            return True
        if package == "tunicorn_worker":
            return False
        frame = frame.f_back
    return False
