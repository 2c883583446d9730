"""Calls the hooks of the master. They run in the nursery, which is the master's Python: what they make lives there, and
is inherited by the workers.
"""

from __future__ import annotations

import traceback

from tunicorn_worker.exit_status import code_of_system_exit
from tunicorn_worker.hook_objects import HookWorker
from tunicorn_worker.hook_server import HookServer
from tunicorn_worker.hooks import find_hook
from tunicorn_worker.loggers import Loggers
from tunicorn_worker.statsd import count_lines, statsd_of
from tunicorn_worker.statsd_log import server_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket
    from typing import Any

    from tunicorn_worker.config import Config
    from tunicorn_worker.group_signals import GroupSignals
    from tunicorn_worker.listeners import Listener
    from tunicorn_worker.node_ipc import Say

NAMES = (
    "on_starting",
    "when_ready",
    "on_reload",
    "on_exit",
    "nworkers_changed",
    "pre_fork",
    "post_fork",
    "child_exit",
    "pre_exec",
)
"""Those that get `server` of the master."""
VETO_CODE = 1
"""Exit code of the process of a `pre_exec` after which no new master is to be started."""
START_HOOKS = ("on_starting", "when_ready")
"""A RuntimeError of theirs is a message to the user, not a fault."""


class HookFailed(Exception):
    """A hook raised, and the arbiter knows."""


class MasterHooks:
    """The hooks of this nursery's life. Where none is set, nothing is made."""

    def __init__(self, say: Say, signals: GroupSignals) -> None:
        self._say = say
        self._signals = signals
        self._config: Config | None = None
        self._loggers: Loggers | None = None
        self.server: HookServer | None = None
        """None as long as no hook needs one."""

    def configure(self, config: Config, listeners: list[Listener]) -> None:
        """The settings of a start or a reload. Raises OSError when the log cannot be opened, and what the import of a
        hook raises that is named by a string.
        """
        if not any(config.values.get(name) is not None for name in NAMES) and self.server is None:
            return
        for name in NAMES:
            find_hook(config.values.get(name))
        if self._loggers is None:
            self._loggers = Loggers()
        # Its lines are the master's.
        self._loggers.set_up(config, pid=config.master_pid)
        count_lines(self._loggers, statsd_of(config))
        log = server_log(self._loggers, config)
        self._config = config
        if self.server is None:
            self.server = HookServer(config, log, self)
        else:
            self.server.configure(config, log)
        self.listen(listeners)

    def listen(self, listeners: list[Listener]) -> None:
        if self.server is not None:
            self.server.listen([listener.socket for listener in listeners])

    def promote(self) -> None:
        if self.server is not None:
            self.server.promote()

    def reopen_logs(self) -> None:
        if self._loggers is not None:
            self._loggers.reopen()

    def call(self, name: str, new: int | None = None, old: int | None = None) -> None:
        """Called when the arbiter says so. new, old: for nworkers_changed."""
        server = self.server
        if server is None:
            return
        if name == "nworkers_changed":
            assert new is not None, "the arbiter says how many"
            server.note_workers(new)
            self._call(name, server, new, old)
        else:
            self._call(name, server)

    def before_fork(self, number: int, config: Config) -> HookWorker | None:
        """pre_fork. Returns the worker for the other hooks, None where there are none.

        Raises HookFailed: there is to be no fork.
        """
        if self.server is None:
            return None
        worker = HookWorker(number, config, self.server.log, pid="[booting]")
        self.server.worker_age = number
        if not self._call("pre_fork", self.server, worker, number=number):
            raise HookFailed
        return worker

    def molded(self, number: int, config: Config, notes: str | None) -> HookWorker | None:
        """In a worker that a mold has forked: the worker with what `pre_fork`, in the nursery, has left on it."""
        if self.server is None:
            return None
        worker = HookWorker(number, config, self.server.log)
        worker.take_notes(notes)
        return worker

    def born(self, worker: HookWorker | None, pid: int) -> None:
        if worker is not None and self.server is not None:
            worker.pid = pid
            self.server.WORKERS[pid] = worker

    def ended(self, worker: HookWorker | None) -> None:
        """child_exit, after the worker was reaped."""
        if worker is None or self.server is None or not isinstance(worker.pid, int):
            return
        self.server.WORKERS.pop(worker.pid, None)
        self._call("child_exit", self.server, worker)

    def orphan_ended(self, number: int, pid: int) -> None:
        """child_exit for a worker of a nursery that is gone, and its object with it."""
        if self.server is None or self._config is None:
            return
        self.ended(HookWorker(number, self._config, self.server.log, pid=pid))

    def before_exec(self, listeners: list[socket]) -> int:
        """pre_exec, in a process of its own. Returns its exit code: 0 if a new master is to be started.

        listeners: copies of the listening sockets. The fork has closed the nursery's own.
        """
        server, config, loggers = self.server, self._config, self._loggers
        if server is None or config is None or loggers is None:
            return 0
        loggers.set_up(config)  # its lines are not the master's
        server.enter_child(listeners)
        hook: Callable[..., object] | None = find_hook(config.values.get("pre_exec"))
        try:
            if hook is not None:
                hook(server)
        except SystemExit as leaving:
            server.log.warning("pre_exec has called for an exit: %s", leaving.code)
            return VETO_CODE
        except BaseException:
            server.log.exception("Exception in pre_exec hook")
            return VETO_CODE
        return 0

    # What hooks ask of the arbiter (hook_server.Orders)

    def set_workers(self, new: int, old: int) -> None:
        self._say("set-workers", count=new)
        self._call("nworkers_changed", self.server, new, old)

    def send_signal(self, name: str) -> None:
        self._say("forward-signal", signal=name)

    def halt(self, reason: str | None, code: int) -> None:
        self._say("halt", reason=reason, code=code)

    def _call(self, name: str, *arguments: Any, number: int | None = None) -> bool:
        """Returns whether the hook did not raise. number: the worker it is about, if that is not there yet."""
        assert self._config is not None, "there is a server, so there is a configuration"
        hook: Callable[..., object] | None = find_hook(self._config.values.get(name))
        if hook is None:
            return True
        text, code = "", None
        try:
            with self._signals.unblocked():
                hook(*arguments)
            return True
        except SystemExit as leaving:
            code, text = code_of_system_exit(leaving.code)
        except BaseException as error:
            if type(error).__name__ == "HaltServer":
                reason, status = getattr(error, "reason", None), getattr(error, "exit_status", 1)
                self.halt(None if reason is None else str(reason), int(status))
                return False
            message = isinstance(error, RuntimeError) and name in START_HOOKS
            text = f"\nError: {error}\n" if message else traceback.format_exc()
        where = {} if number is None else {"worker": number}
        self._say("hook-failed", hook=name, text=text, code=code, **where)
        return False
