"""The sync worker: pulls one request at a time from the ticket pipes, in the process's main thread."""

from __future__ import annotations

import socket

from tunicorn_worker.access_journal import AccessJournal
from tunicorn_worker.channel import Channel
from tunicorn_worker.environ import base_environ
from tunicorn_worker.errors import GatewayGone, RequestTimeout
from tunicorn_worker.hooked_wsgi import make_caller
from tunicorn_worker.interruption import is_in_application
from tunicorn_worker.links import Link, Links
from tunicorn_worker.orders import Orders, WorkerEnds
from tunicorn_worker.pull_loop import pull_requests
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
    from tunicorn_worker.waiter import Events


class SyncWorker:
    """The loop of a sync worker and what it waits for: commands, its channels, the lifeline, tickets."""

    def __init__(self, *, number: int, control: ControlLink, lifeline: int, loggers: Loggers) -> None:
        """number: the arbiter's; it is also that of its only lane. lifeline: descriptor, see Orders."""
        self._number = number
        self._control = control
        self._log = loggers.error
        self._writes_access = False
        self._stopping = False
        self._limit_ms = 0
        self._waiter = make_waiter()
        self._links = Links(self._waiter, number, loggers.error, reading=True)
        self._orders = Orders(number, control, lifeline, loggers, self._waiter, self._carry_out)

    def abort(self) -> None:
        """Take no more requests. Called by a signal handler."""
        self._stopping = True
        self._links.stop()

    def quits_by_itself(self) -> bool:
        return False

    def describe(self, request: int, frame: FrameType | None) -> str:
        """Say where the request is that this thread has. Called by a signal handler."""
        return format_frame(frame) if self._links.has(request) else ""

    def interrupt(self, frame: FrameType | None) -> None:
        """Raise RequestTimeout in the application, if its request is over its time. Called by a signal handler."""
        if self._links.age_ms() >= self._limit_ms and is_in_application(frame):
            raise RequestTimeout

    def run(self, application: Any, config: Config, hooks: WorkerHooks, on_ready: Callable[[], None]) -> None:
        """Serve until told to leave. Raises WorkerEnds for leaving at once."""
        self._limit_ms = config.request_timeout * 1000
        self._writes_access = config.access_in_python
        caller: Caller = make_caller(application, config, hooks)
        request_count = make_count(config, self._log, self._control.report_worn)
        if request_count is not None:
            caller = CountedCaller(caller, request_count)
            hooks.worker.max_requests = request_count.limit
        base = base_environ(config, multithread=False)
        on_ready()
        try:
            while not self._stopping:
                if not self._links.pipes:
                    self._look(self._waiter.wait())
                    continue
                pull_requests(self._links, self._look, caller.call, base)
                self._stopping = self._stopping or self._links.stopping
                self._links.drop_lost()
        except WorkerEnds as end:
            if end.at_once:
                raise
            return
        self._links.send_leaving()
        if self._writes_access:
            self._links.end_reports()

    def _look(self, events: Events) -> bool:
        """Act on everything that is no ticket; False when the links are not the same any more, or the worker is to
        stop. Raises WorkerEnds.
        """
        ready = {descriptor for descriptor, _ in events}
        changes = self._links.changes
        self._orders.look(ready)
        self._links.serve_idle(ready)
        self._stopping = self._stopping or self._links.stopping
        if self._orders.nursery_gone and not self._links.pipes:
            raise WorkerEnds(at_once=False)
        return self._links.changes == changes and not self._stopping

    def _carry_out(self, message: Message) -> bool:
        if message["cmd"] == "link":
            descriptors = self._control.take_link()
            if descriptors is not None:
                self._link(message["index"], message["gateway"], *descriptors)
        elif message["cmd"] == "stop":
            self._stopping = True
        else:
            return False
        return True

    def _link(self, index: int, gateway: int, channel: int, pipe: int, memory: int) -> None:
        """Use a gateway's channel, ticket pipe and slot memory, and tell it that this worker is ready."""

        def hand_over(stream: int, end: socket.socket) -> None:
            self._control.hand_over(gateway, stream, end.fileno())

        link = Link(Channel(socket.socket(fileno=channel), hand_over), Tickets.open(pipe, memory, self._number))
        self._links.add(index, link)
        try:
            if self._writes_access:
                link.channel.journal = AccessJournal(self._log)
                link.channel.ask_for_reports()
            link.channel.send_ready(self._number)
        except GatewayGone:
            self._links.drop(index)
