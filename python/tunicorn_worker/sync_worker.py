"""The sync worker: pulls one request at a time from the ticket pipe, in the process's main thread."""

from __future__ import annotations

import marshal
import os
import socket
import sys

from tunicorn_worker.app_loader import APP_LOAD_ERROR, WORKER_BOOT_ERROR, load_application, standard_modules
from tunicorn_worker.body import ChannelBody, InlineBody
from tunicorn_worker.channel import Channel
from tunicorn_worker.control_link import ControlLink
from tunicorn_worker.environ import base_environ
from tunicorn_worker.errors import AppImportError, ClientGone, FrameError, GatewayGone
from tunicorn_worker.loggers import Loggers
from tunicorn_worker.process_title import set_process_title
from tunicorn_worker.start_response import abandon
from tunicorn_worker.tickets import GatewayPipeEnded, Tickets
from tunicorn_worker.waiter import make_waiter
from tunicorn_worker.worker_exit import leave
from tunicorn_worker.worker_signals import WorkerSignals
from tunicorn_worker.wsgi import WsgiCaller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from tunicorn_worker.config import Config
    from tunicorn_worker.line_channel import Message

CRASHED = 255
"""Exit code when the loop itself fails after the worker was ready, as with Gunicorn."""


class WorkerEnds(Exception):
    """The worker is to leave now; `code` is its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class SyncWorker:
    """The loop of a sync worker and what it waits for: commands, its channel, the lifeline, tickets."""

    def __init__(self, *, number: int, control: ControlLink, lifeline: int, loggers: Loggers) -> None:
        """lifeline: descriptor; its end of file says that the arbiter is gone."""
        self._number = number
        self._control = control
        self._lifeline = lifeline
        self._loggers = loggers
        self._log = loggers.error
        self._channel: Channel | None = None
        self._tickets: Tickets | None = None
        self._stopping = False
        self._aborted = False
        self._waiter = make_waiter()
        self._waiter.add(control.fileno())
        self._waiter.add(lifeline)

    def abort(self) -> None:
        """Leave with code 1 as soon as the current request is over. Called by a signal handler."""
        self._stopping = self._aborted = True
        if self._channel is not None:
            self._channel.stopping = True

    def run(self, caller: WsgiCaller, base: dict[str, Any]) -> int:
        """Serve until told to leave; returns the exit code.

        base: what `base_environ` made
        """
        try:
            while not self._stopping:
                if self._channel is None or self._tickets is None:
                    self._look(self._waiter.wait())
                else:
                    self._pull(self._channel, self._tickets, caller, base)
        except WorkerEnds as end:
            return end.code
        if self._channel is not None:
            try:
                self._channel.send_leaving()
            except GatewayGone:
                pass  # Nobody is left who could mind.
        return 1 if self._aborted else 0

    def _pull(self, channel: Channel, tickets: Tickets, caller: WsgiCaller, base: dict[str, Any]) -> None:
        """Serve requests until channel and pipe are replaced or lost, or the worker is to stop. The hot path."""
        wait = self._waiter.wait
        take = tickets.take
        begin = channel.begin
        call = caller.call
        loads = marshal.loads
        pipe = tickets.fileno()
        while not channel.stopping:
            # Asked before every ticket, though under load the pipe alone would do: the end of the channel comes first,
            # and tickets of a gateway that is gone must not run.
            events = wait()
            if len(events) != 1 or events[0][0] != pipe:
                self._look(events)
                if self._channel is not channel or self._stopping:
                    return
                if all(descriptor != pipe for descriptor, _ in events):
                    continue
            try:
                claim = take()
            except GatewayPipeEnded:
                self._unlink()
                return
            if claim is None:
                continue
            stream, inline_head, body = claim
            begin(stream)
            head = self._fetch_head(channel) if inline_head is None else inline_head
            if head is None:
                continue
            environ = loads(head)
            environ |= base
            if body != b"":
                environ["wsgi.input"] = ChannelBody(channel) if body is None else InlineBody(body)
            call(channel, environ)
            if channel.lost:
                self._unlink()
                return
        self._stopping = True

    def _fetch_head(self, channel: Channel) -> bytes | None:
        """Get a head that was too large for its slot; None when the client or the gateway has left meanwhile."""
        try:
            return channel.fetch_head()
        except GatewayGone:
            return None  # The loop is about to find that out by itself.
        except ClientGone:
            abandon(channel)
            return None

    def _look(self, events: list[tuple[int, int]]) -> None:
        """Act on everything that is no ticket. Raises WorkerEnds."""
        ready = {descriptor for descriptor, _ in events}
        if self._lifeline in ready:
            self._log.info("Parent changed, shutting down: <Worker %s>", os.getpid())
            raise WorkerEnds(0)
        if not self._control.ended and self._control.fileno() in ready:
            self._obey()
        if self._channel is not None and self._channel.fileno() in ready:
            try:
                self._channel.serve_idle()
            except GatewayGone as error:
                if isinstance(error, FrameError):
                    self._log.error("worker channel closed worker=%d: %s", self._number, error.strerror)
                self._unlink()
            else:
                self._stopping = self._stopping or self._channel.stopping
        if self._control.ended and self._channel is None:
            raise WorkerEnds(0)

    def _obey(self) -> None:
        """Read the nursery's commands. Raises WorkerEnds."""
        watched = self._control.fileno()
        for message in self._control.receive():
            self._obey_one(message)
        if self._control.ended:
            self._waiter.remove(watched)

    def _obey_one(self, message: Message) -> None:
        command = message["cmd"]
        if command == "link":
            descriptors = self._control.take_link()
            if descriptors is not None:
                self._unlink()
                self._link(*descriptors)
        elif command == "stop":
            self._stopping = True
        elif command == "quit":
            raise WorkerEnds(0)
        elif command == "reopen-logs":
            self._loggers.reopen()
        else:
            self._log.warning("unknown command of the nursery worker=%d command=%r", self._number, command)

    def _link(self, channel: int, pipe: int, memory: int) -> None:
        """Use a gateway's channel, ticket pipe and slot memory, and tell it that this worker is ready."""
        self._channel = Channel(socket.socket(fileno=channel))
        self._tickets = Tickets(pipe, memory, self._number)
        self._waiter.add(self._channel.fileno())
        self._waiter.add(pipe, shared=True)
        try:
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


def run_worker(
    *,
    number: int,
    control: socket.socket,
    lifeline_fd: int,
    config: Config,
    application: object | None,
    report_modules: bool,
) -> NoReturn:
    """Be a sync worker: called in the forked child, never returns.

    number: the arbiter's for this worker; control: its end of the channel to the nursery; lifeline_fd: see SyncWorker
    application: already imported by a mold; None: imported here
    report_modules: tell the nursery which standard-library modules the application brought in, so that it can import
        them once for all workers that follow
    """
    pid = os.getpid()
    link = ControlLink(control)
    link.report({"ev": "started", "pid": pid})
    loggers = Loggers()
    loggers.set_up(config)
    code = WORKER_BOOT_ERROR
    try:
        worker = SyncWorker(number=number, control=link, lifeline=lifeline_fd, loggers=loggers)
        WorkerSignals(link, loggers.reopen, worker.abort).install()
        set_process_title(f"{config.title_prefix}worker [{config.proc_name}]")
        loggers.error.info("Booting worker with pid: %s", pid)
        # The random module seeds itself anew in every forked child; nothing is left to do for it here.
        os.environ.update(config.env)
        before = frozenset(sys.modules)
        if application is None:
            application = load_application(config)
        modules = standard_modules(before) if report_modules else []
        caller = WsgiCaller(application, config)
        base = base_environ(config, multithread=False)
        link.report({"ev": "ready", "modules": modules})
        code = CRASHED
        code = worker.run(caller, base)
    except SystemExit as end:
        code = exit_code(end)
    except AppImportError as error:
        loggers.error.debug("Exception while loading the application", exc_info=True)
        print(error, file=sys.stderr, flush=True)
        code = APP_LOAD_ERROR
    except Exception as error:
        loggers.error.exception("Exception in worker process")
        print(error, file=sys.stderr, flush=True)
    finally:
        loggers.error.info("Worker exiting (pid: %s)", pid)
        leave(code)


def exit_code(end: SystemExit) -> int:
    """Read the exit code of a `sys.exit`: a text is printed and means 1, as in any Python program."""
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    print(end.code, file=sys.stderr, flush=True)
    return 1
