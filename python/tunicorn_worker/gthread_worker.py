"""The gthread worker: several threads, each of which pulls requests as a sync worker does. The main thread looks after
them: it obeys the nursery, sees the end of the lifeline, and shows that the process lives.
"""

from __future__ import annotations

import os
import socket
import sys
from math import inf
from queue import SimpleQueue
from time import monotonic

from tunicorn_worker.access_journal import AccessJournal
from tunicorn_worker.channel import Channel
from tunicorn_worker.environ import base_environ
from tunicorn_worker.errors import GatewayGone
from tunicorn_worker.hooked_wsgi import make_caller
from tunicorn_worker.interruption import ThreadExceptions
from tunicorn_worker.lane import Lane, Signal
from tunicorn_worker.orders import Orders, WorkerEnds
from tunicorn_worker.pull_loop import serve_idle
from tunicorn_worker.request_count import CountedCaller, make_count
from tunicorn_worker.stacks import format_frame
from tunicorn_worker.tickets import Tickets
from tunicorn_worker.turn import Turn
from tunicorn_worker.waiter import make_waiter
from tunicorn_worker.wire import lane_number

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

BEAT_SECONDS = 1.0
"""How often the main thread shows that it runs: as often as Gunicorn's, and timeouts are whole seconds."""
NEWS_BYTES = 4096
"""More than one byte for each lane."""


class LaneCrashed(Exception):
    """A thread ended by an error of ours; the log has its traceback."""


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
        self._channels: list[Channel] = []
        self._threads = 0
        self._writes_access = False
        self._journal: AccessJournal | None = None
        self._reports: Channel | None = None
        self._tickets: Tickets | None = None
        self._gateway = 0
        self._taken: SimpleQueue[tuple[int, int, int]] = SimpleQueue()
        self._stop = Signal()
        self._turn = Turn(self._wake)
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
        self._end_lanes()

    def quits_by_itself(self) -> bool:
        return False

    def describe(self, request: int, _frame: FrameType | None) -> str:
        """Say where the thread is that has a request. Called by a signal handler, which this thread runs."""
        thread = next((lane.thread_of(request) for lane in self._lanes if lane.thread_of(request) is not None), None)
        return "" if thread is None else format_frame(sys._current_frames().get(thread))

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
                self._end_lanes()
            if monotonic() >= deadline:
                raise WorkerEnds(at_once=True)
        self._end_reports()
        if any(lane.crashed for lane in self._lanes):
            raise LaneCrashed("a thread of the worker ended")

    def _hear_reports(self) -> None:
        """Read what became of requests."""
        if self._reports is not None and not serve_idle(self._reports, self._number, self._log):
            self._drop_reports()

    def _end_reports(self) -> None:
        if self._reports is not None:
            try:
                self._reports.end_reports()
            except GatewayGone:
                pass  # Nobody is left who could report.

    def _drop_reports(self) -> None:
        if self._reports is not None:
            self._waiter.remove(self._reports.fileno())
            self._reports.close()
            self._reports = None

    def _end_lanes(self) -> None:
        self._stop.say()
        for lane in self._lanes:
            lane.end()

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
        if self._reports is not None and self._reports.fileno() in ready:
            self._hear_reports()
        if self._worn is not None:
            self._control.report({"ev": "worn", "requests": self._worn})
            self._worn = None
        self._orders.look(ready)
        if self._orders.nursery_gone and not self._stop.said and not any(lane.linked for lane in self._lanes):
            raise WorkerEnds(at_once=False)

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
                self._begin_link(message["gateway"], *descriptors)
        elif command == "lane":
            channel = self._control.take_descriptor()
            if channel is not None:
                self._add_lane(message["lane"], channel)
        elif command == "stop":
            self._stop.say()
        else:
            return False
        return True

    def _begin_link(self, gateway: int, channel: int, pipe: int, memory: int) -> None:
        """Use another gateway's channel, ticket pipe and slot memory; channels for the other lanes follow."""
        for old in self._channels:
            old.hang_up()
        # Each gateway has a turn of its own: a lane that waits at the new pipe would keep those that have yet to come
        # from the old one, which must have the turn to find out that it is gone.
        self._turn.retire()
        self._turn = Turn(self._wake)
        self._channels = []
        self._drop_reports()
        self._journal = AccessJournal(self._log) if self._writes_access else None
        self._gateway = gateway
        if self._tickets is not None:
            self._tickets.close()
        # The first lane's, held here too for as long as lanes may be added.
        self._tickets = Tickets.open(pipe, memory, lane_number(self._number, 0))
        self._add_lane(0, channel)

    def _add_lane(self, index: int, descriptor: int) -> None:
        """Give a lane its channel; its thread starts with the first one."""
        gateway = self._gateway

        def hand_over(stream: int, end: socket.socket) -> None:
            # By the main thread: the control channel is its own.
            self._taken.put((gateway, stream, os.dup(end.fileno())))
            self._wake()

        channel = Channel(socket.socket(fileno=descriptor), hand_over)
        channel.journal = self._journal
        if self._writes_access and index == self._threads:
            self._take_reports(channel)
            return
        self._channels.append(channel)
        assert self._tickets is not None, "lanes come after the link"
        if self._stop.said:
            channel.close()
            return
        number = lane_number(self._number, index)
        if index == len(self._lanes):
            lane = Lane(
                self._number,
                number,
                caller=self._caller,
                base=self._base,
                stop=self._stop,
                on_change=self._wake,
                log=self._log,
            )
            self._lanes.append(lane)
            lane.start()
        self._lanes[index].link(channel, self._tickets.for_lane(number), self._turn)

    def _take_reports(self, channel: Channel) -> None:
        """Have the gateway report on this channel, which is the main thread's: a lane that waits for its turn reads
        nothing.
        """
        self._reports = channel
        self._waiter.add(channel.fileno())
        try:
            channel.ask_for_reports()
        except GatewayGone:
            self._drop_reports()
