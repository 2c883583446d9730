"""gevent and eventlet, as far as a worker needs them. What is the same with both once the standard library is patched
(`select`, socketpairs) is not here.
"""

from __future__ import annotations

import importlib
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any, Protocol

    class News(Protocol):
        """A semaphore: what one greenlet waits for and any may tell it."""

        def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool: ...

        def release(self) -> object: ...

    class GreenLibrary(Protocol):
        """A library of greenlets and the hub that runs them."""

        def spawn(self, function: Callable[..., object], *arguments: Any) -> Any:
            """Start a function in a greenlet, soon."""

        def kill(self, greenlet: Any) -> object:
            """Raise GreenletExit in a greenlet, soon."""

        def throw(self, greenlet: Any, error: type[BaseException]) -> object:
            """Raise an exception in a greenlet that waits, at once. To be called in the hub."""

        def call_in_hub(self, function: Callable[[], object]) -> object:
            """Call a function soon, while no greenlet runs. Not for signal handlers."""

        def pause(self) -> object:
            """Let all greenlets run that can."""

        def make_news(self) -> News: ...

        def begin(self) -> None:
            """Make the hub this process's own, when it was forked by one that had a hub."""

        def adopt(self, descriptor: int) -> socket.socket:
            """Make a cooperative socket of a descriptor."""

        def current(self) -> Any:
            """The greenlet that runs."""

        def in_hub(self) -> bool:
            """Whether the hub runs, and no greenlet: nothing may wait then."""


GEVENT_MIN = "24.10.1"
"""Gunicorn's."""


class Gevent:
    """gevent, found and patched."""

    def __init__(self) -> None:
        """Patch the standard library. Raises RuntimeError, whose text is Gunicorn's, without a gevent that will do."""
        try:
            gevent: Any = importlib.import_module("gevent")
        except ImportError as error:
            raise RuntimeError(f"gevent worker requires gevent {GEVENT_MIN} or higher: pip install gevent") from error
        if version_of(gevent) < version_numbers(GEVENT_MIN):
            raise RuntimeError(
                f"gevent worker requires gevent {GEVENT_MIN} or higher, not {gevent.__version__}: pip install -U gevent"
            )
        importlib.import_module("gevent.monkey").patch_all()
        self._gevent = gevent
        self._socket: Any = importlib.import_module("gevent.socket").socket
        self._lock: Any = importlib.import_module("gevent.lock")
        self.spawn = gevent.spawn
        self.pause = gevent.sleep

    def begin(self) -> None:
        self._gevent.reinit()

    def kill(self, greenlet: Any) -> None:
        greenlet.kill(block=False)

    def throw(self, greenlet: Any, error: type[BaseException]) -> None:
        greenlet.throw(error)

    def call_in_hub(self, function: Callable[[], object]) -> None:
        self._gevent.get_hub().loop.run_callback(function)

    def current(self) -> Any:
        return self._gevent.getcurrent()

    def make_news(self) -> News:
        news: News = self._lock.Semaphore(0)
        return news

    def adopt(self, descriptor: int) -> socket.socket:
        end: socket.socket = self._socket(fileno=descriptor)
        return end

    def in_hub(self) -> bool:
        return self._gevent.getcurrent() is self._gevent.get_hub()


class Eventlet:
    """eventlet, found and patched."""

    def __init__(self) -> None:
        """Patch the standard library. Raises RuntimeError without eventlet."""
        try:
            eventlet: Any = importlib.import_module("eventlet")
        except ImportError as error:
            raise RuntimeError("eventlet worker requires eventlet: pip install eventlet") from error
        self._hubs: Any = importlib.import_module("eventlet.hubs")
        self._make_socket: Any = importlib.import_module("eventlet.patcher").original("socket").socket
        self._green_socket: Any = importlib.import_module("eventlet.greenio").GreenSocket
        self._semaphore: Any = importlib.import_module("eventlet.semaphore").Semaphore
        self._eventlet = eventlet
        eventlet.monkey_patch()
        self.spawn = eventlet.spawn
        self.pause = eventlet.sleep
        self.kill = eventlet.kill

    def begin(self) -> None:
        self._hubs.use_hub()

    def throw(self, greenlet: Any, error: type[BaseException]) -> None:
        greenlet.throw(error)

    def call_in_hub(self, function: Callable[[], object]) -> None:
        self._hubs.get_hub().schedule_call_global(0, function)

    def current(self) -> Any:
        return self._eventlet.getcurrent()

    def make_news(self) -> News:
        news: News = self._semaphore(0)
        return news

    def adopt(self, descriptor: int) -> socket.socket:
        end: socket.socket = self._green_socket(self._make_socket(fileno=descriptor))
        return end

    def in_hub(self) -> bool:
        return self._eventlet.getcurrent() is self._hubs.get_hub().greenlet


def version_of(module: Any) -> tuple[int, ...]:
    return version_numbers(module.__version__)


def version_numbers(version: str) -> tuple[int, ...]:
    """``"24.10.1"`` and ``"24.10.1.dev0"`` are ``(24, 10, 1)``."""
    return tuple(int(number) for number in re.findall(r"(?:^|\.)(\d+)(?=\.|$)", version)[:3])
