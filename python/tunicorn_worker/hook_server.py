"""The master as hooks see it, ``server``: the attributes and methods of Gunicorn's Arbiter.

What a hook asks of it is carried to the arbiter, which alone decides; what only Gunicorn's own master could do is
refused with an error that says so.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial

from tunicorn_worker.process_title import predecessor_pid, title_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket
    from typing import Any, Protocol

    from tunicorn_worker.config import Config
    from tunicorn_worker.hook_objects import HookWorker
    from tunicorn_worker.server_log import ServerLog

    Inherited = tuple["HookServer", HookWorker]
    """Server and worker of the master's hooks, as a worker has them from its fork."""

    class Orders(Protocol):
        """The way to the arbiter."""

        def set_workers(self, new: int, old: int) -> None: ...

        def send_signal(self, name: str) -> None: ...

        def halt(self, reason: str | None, code: int) -> None: ...


SIGNALS = [
    getattr(signal, f"SIG{name}") for name in ["HUP", "QUIT", "INT", "TERM", "TTIN", "TTOU", "USR1", "USR2", "WINCH"]
]
REFUSED = frozenset(
    (
        "init_signals",
        "kill_dirty_arbiter",
        "manage_dirty_arbiter",
        "manage_workers",
        "maybe_promote_master",
        "murder_workers",
        "reap_dirty_arbiter",
        "reap_workers",
        "reexec",
        "run",
        "setup",
        "spawn_dirty_arbiter",
        "spawn_worker",
        "spawn_workers",
        "start",
        "stop",
        "wait_for_signals",
    )
)
"""Methods of Gunicorn's Arbiter that do a master's own work."""


class HookListener:
    """One of ``server.LISTENERS``."""

    def __init__(self, listener: socket, scheme: str) -> None:
        self.sock = listener
        self.cfg_addr = self.sock.getsockname()
        self._scheme = scheme

    def fileno(self) -> int:
        return self.sock.fileno()

    def getsockname(self) -> Any:
        return self.sock.getsockname()

    def __str__(self) -> str:
        address = self.sock.getsockname()
        if not isinstance(address, tuple):
            return f"unix:{os.fsdecode(address)}"
        # Gunicorn writes IPv6 addresses with http even under TLS.
        return (
            f"http://[{address[0]}]:{address[1]}" if len(address) > 2 else f"{self._scheme}://{address[0]}:{address[1]}"
        )


class SignalQueue:
    """``server.SIG_QUEUE``: what is put there is done by the arbiter."""

    def __init__(self, server: HookServer) -> None:
        self._server = server

    def put_nowait(self, number: int) -> None:
        self._server.signal(number, None)

    put = put_nowait


class HookServer:
    """One object for the life of the nursery: what hooks keep on it is there after a reload. Workers have a copy."""

    SIGNALS = SIGNALS
    WORKER_BOOT_ERROR = 3
    APP_LOAD_ERROR = 4

    def __init__(self, config: Config, log: ServerLog, orders: Orders | None = None) -> None:
        """orders: None in a worker: there it is what the master was when the worker was forked."""
        self.pid = config.master_pid
        self.master_pid = predecessor_pid()
        self.master_name = "Master.2" if self.master_pid else "Master"
        self.reexec_pid = 0
        self.systemd = False
        self.dirty_arbiter_pid = 0
        self.dirty_arbiter = None
        self.pidfile = None
        self.worker_age = 0
        self.WORKERS: dict[int, HookWorker] = {}
        self.LISTENERS: list[HookListener] = []
        self.SIG_QUEUE = SignalQueue(self)
        self.START_CTX = {"args": [sys.executable, *sys.argv], "cwd": os.environ.get("PWD", ""), 0: sys.executable}
        self._orders = orders
        self._num_workers: int | None = None
        self.configure(config, log)
        if orders is None:
            self._num_workers = config.workers

    def configure(self, config: Config, log: ServerLog) -> None:
        """After a reload."""
        self.cfg = config
        self.log = log
        self.timeout = config.timeout
        self.proc_name = title_name(config.proc_name)
        self.address = config.values.get("bind")
        self.worker_class = config.values.get("worker_class")

    def promote(self) -> None:
        """The master that had started this one has ended."""
        self.master_pid = 0
        self.master_name = "Master"
        self.proc_name = title_name(self.cfg.proc_name)

    def listen(self, listeners: list[socket]) -> None:
        tls = self.cfg.values.get("certfile") or self.cfg.values.get("keyfile")
        self.LISTENERS = [HookListener(listener, "https" if tls else "http") for listener in listeners]

    def enter_worker(self, worker: Any, config: Any, log: Any) -> None:
        """In a worker: what a hook does to this object is the worker's own affair from now on."""
        self._orders = None
        self.cfg, self.log = config, log
        self.WORKERS[worker.pid] = worker
        self.worker_age = worker.age

    def enter_child(self, listeners: list[socket]) -> None:
        """In a process that is neither the master's nor a worker's."""
        self._orders = None
        self.listen(listeners)

    @property
    def num_workers(self) -> int | None:
        return self._num_workers

    @num_workers.setter
    def num_workers(self, count: int) -> None:
        old, self._num_workers = self._num_workers, count
        if self._orders is not None:
            self._orders.set_workers(count, old or 0)

    def note_workers(self, count: int) -> None:
        """The arbiter has changed the number."""
        self._num_workers = count

    def kill_worker(self, pid: int, number: int) -> None:
        """Sends a worker a signal. TERM to a worker has it replaced, then finish and leave."""
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            self.WORKERS.pop(pid, None)

    def kill_workers(self, number: int) -> None:
        for pid in list(self.WORKERS):
            self.kill_worker(pid, number)

    def signal(self, number: int, _frame: object) -> None:
        """As if the master had got this signal."""
        self._tell("signal").send_signal(signal.Signals(number).name.removeprefix("SIG"))

    def reload(self) -> None:
        self._tell("reload").send_signal("HUP")

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        self._tell("halt").halt(reason, exit_status)

    def wakeup(self) -> None:
        """Nothing to do: the arbiter hears of everything at once."""

    def _tell(self, name: str) -> Orders:
        if self._orders is None:
            raise RuntimeError(
                f"server.{name}() has no meaning in a worker; send the master a signal: os.kill(server.pid, ...)"
            )
        return self._orders

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("handle_"):
            wanted = f"SIG{name.removeprefix('handle_').upper()}"
            for number in SIGNALS:
                if number.name == wanted:
                    return partial(self.signal, number, None)
        if name not in REFUSED:
            raise AttributeError(f"'HookServer' object has no attribute {name!r}")

        def refuse(*_: object, **__: object) -> None:
            raise RuntimeError(f"server.{name}() cannot be called by a hook: only the arbiter manages processes")

        return refuse
