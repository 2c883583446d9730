"""One thread of a gthread worker, with a channel of its own to the gateway (docs/internals/channels.md §4)."""

from __future__ import annotations

import os
import sys
import threading
from queue import SimpleQueue
from time import monotonic

from tunicorn_worker.errors import GatewayGone, RequestTimeout
from tunicorn_worker.interruption import is_in_application
from tunicorn_worker.pull_loop import pull_requests, serve_idle
from tunicorn_worker.waiter import make_waiter
from tunicorn_worker.wire import LANE_SHIFT

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from typing import Any

    from tunicorn_worker.channel import Channel
    from tunicorn_worker.interruption import ThreadExceptions
    from tunicorn_worker.request_count import Caller
    from tunicorn_worker.tickets import Tickets
    from tunicorn_worker.turn import Turn
    from tunicorn_worker.waiter import Waiter


class Signal:
    """Something that is said once by any thread and seen by every waiter that watches it, from then on."""

    def __init__(self) -> None:
        # Its end of file is the news: that stays readable, however many look.
        self._reader, self._writer = os.pipe()
        # Reentrant: a signal handler may say it while its thread is saying it.
        self._lock = threading.RLock()
        self.said = False

    def fileno(self) -> int:
        return self._reader

    def say(self) -> None:
        with self._lock:
            if not self.said:
                self.said = True
                os.close(self._writer)


class Lane:
    """A thread that serves one request after the other, each from its beginning to its end.

    linked: it has a channel, whether it waits or works
    ended: its thread has no more to do
    crashed: it ended by an exception that should not have been possible
    """

    def __init__(
        self,
        worker: int,
        number: int,
        *,
        caller: Caller,
        base: dict[str, Any],
        stop: Signal,
        on_change: Callable[[], None],
        log: logging.Logger,
    ) -> None:
        """number: this lane's in claims
        stop: take no more requests; said by this lane, too, when its gateway asks for it
        on_change: called by the lane's thread when it is linked no more, and at its end
        """
        self._worker = worker
        self._number = number
        self._caller = caller
        self._base = base
        self._stop = stop
        self._turn: Turn | None = None
        self._has_turn = False
        self._on_change = on_change
        self._log = log
        self._inbox: SimpleQueue[tuple[Channel, Tickets, Turn] | None] = SimpleQueue()
        self._tickets: Tickets | None = None
        self._channel: Channel | None = None
        self._waiter: Waiter | None = None
        self._exceptions: ThreadExceptions | None = None
        self.linked = False
        self.ended = False
        self.crashed = False
        # Not a daemon: threads that the application starts in its requests inherit that, as with Gunicorn they are not.
        self._thread = threading.Thread(target=self._run, name=f"gthread-{number >> LANE_SHIFT}")

    def start(self) -> None:
        self._thread.start()

    def link(self, channel: Channel, tickets: Tickets, turn: Turn) -> None:
        """Use these, channel and tickets taken over, once the lane is through with what it does for a gateway that was
        before. turn: of all lanes of this gateway.
        """
        self.linked = True
        self._inbox.put((channel, tickets, turn))

    def end(self) -> None:
        """End the thread when it has no link any more: to be called after `stop` was said."""
        self._inbox.put(None)

    def beat(self) -> None:
        """Show in the slot of the request it has, if any, that the process lives."""
        tickets = self._tickets
        if tickets is not None:
            tickets.beat()

    def thread_of(self, request: int) -> int | None:
        """Return this lane's thread, if it has the request with this id."""
        tickets = self._tickets
        return self._thread.ident if tickets is not None and tickets.has(request) else None

    def interrupt(self, limit_ms: int, exceptions: ThreadExceptions) -> None:
        """Raise RequestTimeout in the application, if its request is over its time: called by the main thread."""
        tickets, thread, channel = self._tickets, self._thread.ident, self._channel
        if tickets is None or thread is None or channel is None or tickets.age_ms() < limit_ms:
            return
        if channel.taken is not None:
            return  # It may keep the client's connection for as long as it likes.
        if is_in_application(sys._current_frames().get(thread)):
            self._exceptions = exceptions
            exceptions.throw(thread, RequestTimeout)

    def _run(self) -> None:
        try:
            while (link := self._inbox.get()) is not None:
                self._serve(*link)
        except BaseException:
            # One lane less would never be noticed: the worker is to be replaced.
            self._log.exception("Exception in worker thread")
            self.crashed = True
            self._stop.say()
        finally:
            self.ended = True
            self._on_change()

    def _serve(self, channel: Channel, tickets: Tickets, turn: Turn) -> None:
        """Serve requests over one channel until its end, or until the worker is to stop."""
        waiter = make_waiter()
        stop = self._stop
        self._turn = turn
        self.linked = True

        def look(events: list[tuple[int, int]]) -> bool:
            ready = {descriptor for descriptor, _ in events}
            if stop.said or (channel.fileno() in ready and not serve_idle(channel, self._worker, self._log)):
                return False
            return not channel.stopping

        try:
            waiter.add(stop.fileno())
            waiter.add(channel.fileno())
            self._channel = channel
            self._tickets = tickets
            self._waiter = waiter
            channel.send_ready(self._number)
            self._take_turn(turn)
            pull_requests(channel, tickets, waiter.wait, look, self._call, self._base)
            if channel.stopping:
                stop.say()
            if stop.said:
                channel.send_leaving()
        except GatewayGone:
            pass  # Another one may be coming, and with it another link.
        finally:
            self._pass_turn(turn)
            self._channel = self._tickets = self._waiter = self._turn = None
            waiter.close()
            channel.close()
            tickets.close()
            self.linked = not self._inbox.empty()
            self._on_change()

    def _call(self, channel: Channel, environ: dict[str, Any]) -> None:
        """Serve one request. This lane has the turn before it, and after it unless the gateway has gone."""
        turn = self._turn
        assert turn is not None, "it is called while the lane serves"
        if turn.kept:
            turn.keep(self._lose_turn)
            try:
                self._call_application(channel, environ)
            finally:
                kept = turn.still_kept()
            if not kept and not channel.lost:
                self._take_turn(turn)
        else:
            self._pass_turn(turn)
            begun = monotonic()
            self._call_application(channel, environ)
            turn.note(monotonic() - begun)
            if not channel.lost:
                self._take_turn(turn)

    def _call_application(self, channel: Channel, environ: dict[str, Any]) -> None:
        self._caller.call(channel, environ)
        if self._exceptions is not None:
            # The application has ended before it could be raised there: it is not for what this thread does next.
            try:
                self._exceptions.take_back(threading.get_ident())
            except RequestTimeout:
                pass
            self._exceptions = None

    def _take_turn(self, turn: Turn) -> None:
        """Wait until this lane may read the pipe; only then it is watched, so that a ticket wakes one lane."""
        turn.take()
        self._has_turn = True
        if self._waiter is not None and self._tickets is not None:
            self._waiter.add(self._tickets.fileno(), shared=True)

    def _pass_turn(self, turn: Turn) -> None:
        if self._has_turn:
            self._lose_turn()
            turn.pass_on()

    def _lose_turn(self) -> None:
        """Watch the pipe no more. Called by the main thread, too, while this lane is in the application."""
        self._has_turn = False
        if self._waiter is not None and self._tickets is not None:
            self._waiter.remove(self._tickets.fileno())
