"""The sync worker: pulls one request at a time from the ticket pipe, in the process's main thread."""

from __future__ import annotations

import socket

from tunicorn_worker.access_journal import AccessJournal
from tunicorn_worker.channel import Channel
from tunicorn_worker.environ import base_environ
from tunicorn_worker.errors import GatewayGone, RequestTimeout
from tunicorn_worker.hooked_wsgi import make_caller
from tunicorn_worker.interruption import is_in_application
from tunicorn_worker.orders import Orders, WorkerEnds
from tunicorn_worker.pull_loop import pull_requests, serve_idle
from tunicorn_worker.request_count import CountedCaller, make_count
from tunicorn_worker.stacks import format_frame
from tunicorn_worker.tickets import Tickets
from tunicorn_worker.waiter import make_waiter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    from tunicorn_worker.config import Config
    from tunicorn_worker.control_link import ControlLink
    from tunicorn_worker.hooks import WorkerHooks
    from tunicorn_worker.line_channel import Message
    from tunicorn_worker.loggers import Loggers
    from tunicorn_worker.request_count import Caller


class SyncWorker:
    """The loop of a sync worker and what it waits for: commands, its channel, the lifeline, tickets."""

    def __init__(self, *, number: int, control: ControlLink, lifeline: int, loggers: Loggers) -> None:
        """number: the arbiter's; it is also that of its only lane. lifeline: descriptor, see Orders."""
        self._number = number
        self._control = control
        self._log = loggers.error
        self._writes_access = False
        self._channel: Channel | None = None
        self._tickets: Tickets | None = None
        self._stopping = False
        self._limit_ms = 0
        self._waiter = make_waiter()
        self._orders = Orders(number, control, lifeline, loggers, self._waiter, self._carry_out)

    def abort(self) -> None:
        """Take no more requests. Called by a signal handler."""
        self._stopping = True
        if self._channel is not None:
            self._channel.stopping = True

    def quits_by_itself(self) -> bool:
        return False

    def describe(self, request: int, frame: FrameType | None) -> str:
        """Say where the request is that this thread has. Called by a signal handler."""
        tickets = self._tickets
        return format_frame(frame) if tickets is not None and tickets.has(request) else ""

    def interrupt(self, frame: FrameType | None) -> None:
        """Raise RequestTimeout in the application, if its request is over its time. Called by a signal handler."""
        tickets = self._tickets
        if tickets is not None and tickets.age_ms() >= self._limit_ms and is_in_application(frame):
            raise RequestTimeout

    def run(self, application: Any, config: Config, hooks: WorkerHooks, on_ready: Callable[[], None]) -> None:
        """Serve until told to leave. Raises WorkerEnds for leaving at once."""
        self._limit_ms = config.request_timeout * 1000
        self._writes_access = config.access_in_python
        caller: Caller = make_caller(application, config, hooks)
        request_count = make_count(config, self._log, self._report_worn)
        if request_count is not None:
            caller = CountedCaller(caller, request_count)
            hooks.worker.max_requests = request_count.limit
        base = base_environ(config, multithread=False)
        on_ready()
        try:
            while not self._stopping:
                channel, tickets = self._channel, self._tickets
                if channel is None or tickets is None:
                    self._look(self._waiter.wait())
                    continue
                pull_requests(channel, tickets, self._waiter.wait, self._look, caller.call, base)
                if channel.stopping:
                    self._stopping = True
                elif channel.lost and self._channel is channel:
                    self._unlink()
        except WorkerEnds as end:
            if end.at_once:
                raise
            return
        if self._channel is not None:
            try:
                self._channel.send_leaving()
                if self._writes_access:
                    self._channel.end_reports()
            except GatewayGone:
                pass  # Nobody is left who could mind.

    def _report_worn(self, requests: int) -> None:
        self._control.report({"ev": "worn", "requests": requests})

    def _look(self, events: list[tuple[int, int]]) -> bool:
        """Act on everything that is no ticket; False when the channel is not the same any more, or the worker is to
        stop. Raises WorkerEnds.
        """
        ready = {descriptor for descriptor, _ in events}
        before = self._channel
        self._orders.look(ready)
        channel = self._channel
        if channel is not None and channel.fileno() in ready:
            if not serve_idle(channel, self._number, self._log):
                self._unlink()
            else:
                self._stopping = self._stopping or channel.stopping
        if self._orders.nursery_gone and self._channel is None:
            raise WorkerEnds(at_once=False)
        return self._channel is before and not self._stopping

    def _carry_out(self, message: Message) -> bool:
        if message["cmd"] == "link":
            descriptors = self._control.take_link()
            if descriptors is not None:
                self._unlink()
                self._link(message["gateway"], *descriptors)
        elif message["cmd"] == "stop":
            self._stopping = True
        else:
            return False
        return True

    def _link(self, gateway: int, channel: int, pipe: int, memory: int) -> None:
        """Use a gateway's channel, ticket pipe and slot memory, and tell it that this worker is ready."""

        def hand_over(stream: int, end: socket.socket) -> None:
            self._control.hand_over(gateway, stream, end.fileno())

        self._channel = Channel(socket.socket(fileno=channel), hand_over)
        self._tickets = Tickets.open(pipe, memory, self._number)
        self._waiter.add(self._channel.fileno())
        self._waiter.add(pipe, shared=True)
        try:
            if self._writes_access:
                self._channel.journal = AccessJournal(self._log)
                self._channel.ask_for_reports()
            self._channel.send_ready(self._number)
        except GatewayGone:
            self._unlink()

    def _unlink(self) -> None:
        """Close what belongs to a gateway that is gone or replaced, its pipe unread: those tickets are not to run."""
        if self._channel is not None and self._tickets is not None:
            self._waiter.remove(self._channel.fileno())
            self._waiter.remove(self._tickets.fileno())
            self._channel.close()
            self._tickets.close()
        self._channel = self._tickets = None
