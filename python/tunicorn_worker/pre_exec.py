"""The hook ``pre_exec``, before a new master is started (USR2).

It has a process of its own, as Gunicorn's, which becomes the new master behind it: what the hook closes and forgets is
still there for the master of now, and one that takes its time holds up nothing.
"""

from __future__ import annotations

import os
import signal

from tunicorn_worker.exit_status import describe_exit
from tunicorn_worker.linux import die_with_parent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from socket import socket

    from tunicorn_worker.forking import Forker
    from tunicorn_worker.master_hooks import MasterHooks
    from tunicorn_worker.node_ipc import Say


class PreExec:
    """Runs the hook when the arbiter says so, and reports how that has ended."""

    def __init__(self, hooks: MasterHooks, forker: Forker, say: Say) -> None:
        self._hooks = hooks
        self._forker = forker
        self._say = say
        self._pid: int | None = None

    def begin(self) -> None:
        """Raises OSError when the system has no room for a process."""
        listeners = [] if self._hooks.server is None else [each.sock.dup() for each in self._hooks.server.LISTENERS]
        nursery = os.getpid()

        def run() -> int:
            die_with_parent(nursery)
            return self._hooks.before_exec(listeners)

        try:
            self._pid = self._forker.fork(run)
        except OSError:
            close_all(listeners)
            raise
        close_all(listeners)  # the child, in which fork does not return, keeps them

    def on_ended(self, pid: int, status: int) -> bool:
        """A child was reaped. Returns whether it was this one."""
        if pid != self._pid:
            return False
        self._pid = None
        self._say("pre-exec-ran", status=describe_exit(status))
        return True

    def kill(self) -> None:
        """Nobody waits for it any more."""
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)


def close_all(listeners: list[socket]) -> None:
    for listener in listeners:
        listener.close()
