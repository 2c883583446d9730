"""The gthread worker: several threads, each of which pulls requests as a sync worker does. The main thread looks after
them: it obeys the nursery, sees the end of the lifeline, and shows that the process lives.
"""

from __future__ import annotations

import os
import socket
from math import inf
from queue import SimpleQueue
from time import monotonic

from tunicorn_worker.access_journal import AccessJournal
from tunicorn_worker.channel import Channel
from tunicorn_worker.environ import base_environ
from tunicorn_worker.errors import GatewayGone
from tunicorn_worker.hooked_wsgi import make_caller
from tunicorn_worker.interruption import ThreadExceptions
from tunicorn_worker.lane import Bell, Lane, Signal
from tunicorn_worker.links import Link, serve_idle
from tunicorn_worker.orders import Orders, WorkerEnds
from tunicorn_worker.request_count import CountedCaller, make_count
from tunicorn_worker.tickets import Tickets
from tunicorn_worker.turn import Turn
from tunicorn_worker.waiter import make_waiter
from tunicorn_worker.wire import lane_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from types import FrameType
    from typing import Any

    from tunicorn_worker.config import Config
    from tunicorn_worker.control_link import ControlLink
    from tunicorn_worker.hooks import WorkerHooks
    from tunicorn_worker.line_channel import Message
    from tunicorn_worker.loggers import Loggers
    from tunicorn_worker.request_count import Caller

BEAT_SECONDS = 1.0
"""How often the main thread shows that it runs: as often as Gunicorn's, and timeouts are whole seconds."""
NEWS_BYTES = 4096
"""More than one byte for each lane."""


class LaneCrashed(Exception):
    """A thread ended by an error of ours; the log has its traceback."""


class GatewayLanes:
    """What the lanes have of one gateway.

    pid: the gateway's
    journal, reports: where a Python logger writes the access log, its lines and the channel for what became of requests
    """

    def __init__(self, pid: int, tickets: Tickets, journal: AccessJournal | None) -> None:
        self.pid = pid
        self.tickets = tickets
        self.journal = journal
        self.channels: list[Channel] = []
        self.reports: Channel | None = None

    @property
    def lost(self) -> bool:
        """It is gone, or no lane has a channel to it."""
        return not self.channels or any(channel.lost for channel in self.channels)

    def hang_up(self) -> None:
        """Another takes its place: the lanes find an end when they look."""
        for channel in self.channels:
            channel.hang_up()
        self.tickets.close()


class ThreadWorker:
    """The main thread of a gthread worker."""

    _caller: Caller
    _base: dict[str, Any]

    def __init__(self, *, number: int, control: ControlLink, lifeline: int, loggers: Loggers) -> None:
        """As SyncWorker's."""
        self._number = number
        self._control = control
        self._log = loggers.error
        self._lanes: list[Lane] = []
        self._gateways: dict[int, GatewayLanes] = {}
        self._threads = 0
        self._writes_access = False
        self._taken: SimpleQueue[tuple[int, int, int]] = SimpleQueue()
        self._stop = Signal()
        self._turn = Turn(self._wake)
        self._bell = Bell()
        self._beat_due = 0.0
        self._limit_ms = 0
        self._exceptions: ThreadExceptions | None = None
        self._worn: int | None = None
        self._news_read, self._news_write = os.pipe()
        os.set_blocking(self._news_write, False)
        self._waiter = make_waiter()
        self._waiter.add(self._stop.fileno())
        self._waiter.add(self._news_read)
        self._orders = Orders(number, control, lifeline, loggers, self._waiter, self._carry_out)

    def abort(self) -> None:
        """Take no more requests. Called by a signal handler, which this thread runs."""
        self._stop.say()

    def quits_by_itself(self) -> bool:
        return False

    def describe(self, request: int, _frame: FrameType | None) -> str:
        """Say where the thread is that has a request. Called by a signal handler, which this thread runs."""
        # Two gateways may have given the same number.
        return "\n".join(filter(None, (lane.describe(request) for lane in self._lanes)))

    def interrupt(self, _frame: FrameType | None) -> None:
        """Raise RequestTimeout in every thread whose request is over its time. Called by a signal handler, which this
        thread runs.
        """
        if self._exceptions is not None:
            for lane in self._lanes:
                lane.interrupt(self._limit_ms, self._exceptions)

    def run(self, application: Any, config: Config, hooks: WorkerHooks, on_ready: Callable[[], None]) -> None:
        """Look after the threads until all have ended. Raises WorkerEnds for leaving at once, LaneCrashed."""
        self._threads = max(1, config.threads)
        self._writes_access = config.access_in_python
        self._caller = make_caller(application, config, hooks)
        request_count = make_count(config, self._log, self._note_worn)
        if request_count is not None:
            self._caller = CountedCaller(self._caller, request_count)
            hooks.worker.max_requests = request_count.limit
        if config.request_timeout:
            self._limit_ms = config.request_timeout * 1000
            self._exceptions = ThreadExceptions()
        self._base = base_environ(config, multithread=True)
        on_ready()
        deadline = inf
        ending = False
        while not (ending and all(lane.ended for lane in self._lanes)):
            try:
                self._look()
            except WorkerEnds as end:
                if end.at_once:
                    raise
                # Nobody is left who would end this worker after that time.
                deadline = monotonic() + config.graceful_timeout
                self._stop.say()
            if self._stop.said and not ending:
                ending = True
                self._waiter.remove(self._stop.fileno())
            if monotonic() >= deadline:
                raise WorkerEnds(at_once=True)
        self._end_reports()
        if any(lane.crashed for lane in self._lanes):
            raise LaneCrashed("a thread of the worker ended")

    def _hear_reports(self, ready: Container[int]) -> None:
        """Read what became of requests. ready: descriptors"""
        for gateway in self._gateways.values():
            reports = gateway.reports
            if reports is not None and reports.fileno() in ready:
                serve_idle(reports, self._number, self._log)
                if reports.lost:
                    self._drop_reports(gateway)

    def _end_reports(self) -> None:
        for gateway in self._gateways.values():
            if gateway.reports is not None:
                try:
                    gateway.reports.end_reports()
                except GatewayGone:
                    pass  # Nobody is left who could report.

    def _drop_reports(self, gateway: GatewayLanes) -> None:
        if gateway.reports is not None:
            self._waiter.remove(gateway.reports.fileno())
            gateway.reports.close()
            gateway.reports = None

    def _look(self) -> None:
        """Wait for something to do, a second at most, and do it. Raises WorkerEnds."""
        seconds = self._turn.look()
        ready = {
            descriptor for descriptor, _ in self._waiter.wait_seconds(BEAT_SECONDS if seconds is None else seconds)
        }
        if monotonic() >= self._beat_due:
            self._beat()
        if not ready:
            return
        if self._news_read in ready:
            os.read(self._news_read, NEWS_BYTES)
            self._hand_over()
        self._hear_reports(ready)
        if self._worn is not None:
            self._control.report_worn(self._worn)
            self._worn = None
        self._orders.look(ready)
        if self._orders.nursery_gone and not self._stop.said and self._is_alone():
            raise WorkerEnds(at_once=False)

    def _is_alone(self) -> bool:
        """No gateway is left."""
        return all(gateway.lost for gateway in self._gateways.values())

    def _note_worn(self, requests: int) -> None:
        """Called by a lane: the control channel is this thread's."""
        self._worn = requests
        self._wake()

    def _hand_over(self) -> None:
        """Pass on the connections that requests in the lanes have taken over."""
        while not self._taken.empty():
            gateway, stream, descriptor = self._taken.get()
            self._control.hand_over(gateway, stream, descriptor)
            os.close(descriptor)

    def _beat(self) -> None:
        """Show that this thread runs, in the slot of every request that the lanes have."""
        self._beat_due = monotonic() + BEAT_SECONDS
        for lane in self._lanes:
            lane.beat()

    def _wake(self) -> None:
        """Called by a lane whose state has changed."""
        try:
            os.write(self._news_write, b".")
        except BlockingIOError:
            pass  # The pipe is full of news.

    def _carry_out(self, message: Message) -> bool:
        command = message["cmd"]
        if command == "link":
            descriptors = self._control.take_link()
            if descriptors is not None:
                self._begin_link(message["index"], message["gateway"], *descriptors)
        elif command == "lane":
            channel = self._control.take_descriptor()
            if channel is not None:
                self._add_lane(message["index"], message["lane"], channel)
        elif command == "stop":
            self._stop.say()
        else:
            return False
        return True

    def _begin_link(self, index: int, gateway: int, channel: int, pipe: int, memory: int) -> None:
        """Use a gateway's channel, ticket pipe and slot memory; channels for the other lanes follow."""
        before = self._gateways.get(index)
        if before is not None:
            self._drop_reports(before)
            before.hang_up()
        # The first lane's tickets, held here too for as long as lanes may be added.
        tickets = Tickets.open(pipe, memory, lane_number(self._number, 0))
        journal = AccessJournal(self._log) if self._writes_access else None
        self._gateways[index] = GatewayLanes(gateway, tickets, journal)
        self._add_lane(index, 0, channel)

    def _add_lane(self, index: int, number: int, descriptor: int) -> None:
        """Give a lane its channel to a gateway; its thread starts with the first one."""
        gateway = self._gateways[index]

        def hand_over(stream: int, end: socket.socket) -> None:
            # By the main thread: the control channel is its own.
            self._taken.put((gateway.pid, stream, os.dup(end.fileno())))
            self._wake()

        channel = Channel(socket.socket(fileno=descriptor), hand_over)
        channel.journal = gateway.journal
        if self._writes_access and number == self._threads:
            self._take_reports(gateway, channel)
            return
        if self._stop.said:
            channel.close()
            return
        claims_as = lane_number(self._number, number)
        if number == len(self._lanes):
            self._start_lane(claims_as)
        try:
            # Not by the lane, which may be in a request of another gateway.
            channel.send_ready(claims_as)
        except GatewayGone:
            channel.close()
            return
        gateway.channels.append(channel)
        self._lanes[number].link(index, Link(channel, gateway.tickets.for_lane(claims_as)))

    def _take_reports(self, gateway: GatewayLanes, channel: Channel) -> None:
        """Have the gateway report on this channel, which is the main thread's: a lane that waits for its turn reads
        nothing.
        """
        gateway.reports = channel
        self._waiter.add(channel.fileno())
        try:
            channel.ask_for_reports()
        except GatewayGone:
            self._drop_reports(gateway)

    def _start_lane(self, claims_as: int) -> None:
        lane = Lane(
            self._number,
            claims_as,
            caller=self._caller,
            base=self._base,
            stop=self._stop,
            bell=self._bell,
            turn=self._turn,
            on_change=self._wake,
            log=self._log,
        )
        self._lanes.append(lane)
        lane.start()
