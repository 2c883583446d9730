"""One thread of a gthread worker, with a channel of its own to every gateway (docs/internals/channels.md §4)."""

from __future__ import annotations

import os
import sys
import threading
from queue import SimpleQueue
from time import monotonic

from tunicorn_worker.errors import RequestTimeout
from tunicorn_worker.interruption import is_in_application
from tunicorn_worker.links import Links
from tunicorn_worker.pull_loop import pull_requests
from tunicorn_worker.stacks import format_frame, is_below
from tunicorn_worker.waiter import make_waiter
from tunicorn_worker.wire import LANE_SHIFT

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from typing import Any

    from tunicorn_worker.channel import Channel
    from tunicorn_worker.interruption import ThreadExceptions
    from tunicorn_worker.links import Link
    from tunicorn_worker.request_count import Caller
    from tunicorn_worker.turn import Turn
    from tunicorn_worker.waiter import Events

BELL_BYTES = 4096
"""More than one byte for each lane."""


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


class Bell:
    """Wakes the lane that has the turn, the only one that waits for descriptors."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def fileno(self) -> int:
        return self._reader

    def ring(self) -> None:
        try:
            os.write(self._writer, b".")
        except BlockingIOError:
            pass  # It is ringing.

    def silence(self) -> None:
        try:
            os.read(self._reader, BELL_BYTES)
        except BlockingIOError:
            pass  # It was for the lane that had the turn before, and is over.


class NewLinks(Exception):
    """Links have come while the lane was in a request, or waited for its turn."""


class Lane:
    """A thread that serves one request after the other, each from its beginning to its end.

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
        bell: Bell,
        turn: Turn,
        on_change: Callable[[], None],
        log: logging.Logger,
    ) -> None:
        """number: this lane's in claims
        stop: take no more requests; said by this lane, too, when a gateway asks for it
        bell, turn: of all lanes of the worker
        on_change: called by the lane's thread when a link has ended, and at its end
        """
        self._caller = caller
        self._base = base
        self._stop = stop
        self._bell = bell
        self._turn = turn
        self._has_turn = False
        self._on_change = on_change
        self._log = log
        self._inbox: SimpleQueue[tuple[int, Link]] = SimpleQueue()
        self._waiter = make_waiter()
        self._links = Links(self._waiter, worker, log, reading=False)
        self._channel: Channel | None = None
        self._exceptions: ThreadExceptions | None = None
        self.ended = False
        self.crashed = False
        # Not a daemon: threads that the application starts in its requests inherit that, as with Gunicorn they are not.
        self._thread = threading.Thread(target=self._run, name=f"gthread-{number >> LANE_SHIFT}")

    def start(self) -> None:
        self._thread.start()

    def link(self, gateway: int, link: Link) -> None:
        """Use this link, taken over, as soon as the lane has its turn. gateway: its index."""
        self._inbox.put((gateway, link))
        self._bell.ring()

    def beat(self) -> None:
        """Show in the slot of the request it has, if any, that the process lives."""
        self._links.beat()

    def describe(self, request: int) -> str:
        """Say where this lane's thread is, if it is in a request with this id. Called by a signal handler."""
        frame = sys._current_frames().get(self._thread.ident or 0)
        # What it had last may be over, and its number another gateway's request in another lane.
        return (
            format_frame(frame) if self._links.has(request) and is_below(frame, Lane._call_application.__code__) else ""
        )

    def interrupt(self, limit_ms: int, exceptions: ThreadExceptions) -> None:
        """Raise RequestTimeout in the application, if its request is over its time: called by the main thread."""
        thread, channel = self._thread.ident, self._channel
        if thread is None or channel is None or self._links.age_ms() < limit_ms:
            return
        if channel.taken is not None:
            return  # It may keep the client's connection for as long as it likes.
        if is_in_application(sys._current_frames().get(thread)):
            self._exceptions = exceptions
            exceptions.throw(thread, RequestTimeout)

    def _run(self) -> None:
        try:
            self._serve()
        except BaseException:
            # One lane less would never be noticed: the worker is to be replaced.
            self._log.exception("Exception in worker thread")
            self.crashed = True
            self._stop.say()
        finally:
            self.ended = True
            self._on_change()

    def _serve(self) -> None:
        """Serve requests until the worker is to stop."""
        links, stop = self._links, self._stop
        self._waiter.add(stop.fileno())
        self._waiter.add(self._bell.fileno())
        try:
            self._take_turn()
            while not stop.said:
                self._take_up()
                if not links.pipes:
                    self._look(self._waiter.wait())
                    continue
                try:
                    pull_requests(links, self._look, self._call, self._base)
                except NewLinks:
                    continue
                if links.stopping:
                    stop.say()
                self._drop_lost()
            # What has come last has been counted in, too.
            self._take_up()
            links.send_leaving()
        finally:
            self._pass_turn()
            self._close()

    def _take_up(self) -> None:
        while not self._inbox.empty():
            self._links.add(*self._inbox.get())

    def _close(self) -> None:
        self._take_up()
        self._links.close()
        self._waiter.close()

    def _look(self, events: Events) -> bool:
        ready = {descriptor for descriptor, _ in events}
        changes = self._links.changes
        if self._bell.fileno() in ready:
            self._bell.silence()
        self._links.serve_idle(ready)
        if self._links.changes != changes:
            self._on_change()
            return False
        return not self._stop.said and not self._links.stopping and self._inbox.empty()

    def _drop_lost(self) -> None:
        changes = self._links.changes
        self._links.drop_lost()
        if self._links.changes != changes:
            self._on_change()

    def _call(self, channel: Channel, environ: dict[str, Any]) -> None:
        """Serve one request. This lane has the turn before it and after it. Raises NewLinks."""
        turn = self._turn
        self._channel = channel
        if turn.kept:
            turn.keep(self._lose_turn)
            try:
                self._call_application(channel, environ)
            finally:
                kept = turn.still_kept()
            if kept:
                return
        else:
            self._pass_turn()
            begun = monotonic()
            self._call_application(channel, environ)
            turn.note(monotonic() - begun)
        self._take_turn()
        if not self._inbox.empty():
            raise NewLinks

    def _call_application(self, channel: Channel, environ: dict[str, Any]) -> None:
        self._caller.call(channel, environ)
        if self._exceptions is not None:
            # The application has ended before it could be raised there: it is not for what this thread does next.
            try:
                self._exceptions.take_back(threading.get_ident())
            except RequestTimeout:
                pass
            self._exceptions = None

    def _take_turn(self) -> None:
        """Wait until this lane may read the pipes; only then they are watched, so that a ticket wakes one lane."""
        self._turn.take()
        self._has_turn = True
        self._links.begin_reading()

    def _pass_turn(self) -> None:
        if self._has_turn:
            self._lose_turn()
            self._turn.pass_on()

    def _lose_turn(self) -> None:
        """Watch the pipes no more. Called by the main thread, too, while this lane is in the application."""
        self._has_turn = False
        self._links.end_reading()
