"""fork(2) in the nursery: a child starts with nothing of it, neither descriptors nor signals nor stack."""

from __future__ import annotations

import resource
import sys

# By its name: a configuration file may have gevent patch the standard library, and its fork watches children itself.
from os import fork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tunicorn_worker.descriptors import Holdings
    from tunicorn_worker.group_signals import GroupSignals

    Task = Callable[[], int]


class ForkedChild(BaseException):
    """Unwinds the nursery's stack in a child. Whoever runs the nursery then calls `task` and exits with what it
    returns.
    """

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task = task


class Forker:
    """Forks this process."""

    def __init__(self, holdings: Holdings, signals: GroupSignals, open_files: int | None) -> None:
        """open_files: the soft RLIMIT_NOFILE that the user gave. Node raises its own, which is inherited; the
        application gets this one.
        """
        self._holdings = holdings
        self._signals = signals
        self._open_files = open_files

    def fork(self, task: Task, *, deaf: bool = False) -> int:
        """Returns the child's pid; in the child, raises ForkedChild.

        deaf: the child is one that takes no part in the group's signals, as the nursery itself.

        Raises OSError when the system has no room for a process.
        """
        pid = fork()
        if pid == 0:
            self._holdings.close_all()
            self._signals.release_in_child(deaf=deaf)
            self._restore_limit()
            # What gevent's own fork does in a child, where a configuration file has imported it.
            reinit = getattr(sys.modules.get("gevent"), "reinit", None)
            if reinit is not None:
                reinit()
            raise ForkedChild(task)
        return pid

    def _restore_limit(self) -> None:
        if self._open_files is None:
            return
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        soft = self._open_files if hard == resource.RLIM_INFINITY else min(self._open_files, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
