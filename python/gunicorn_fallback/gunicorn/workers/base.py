"""The base class of worker classes: Gunicorn's interface, attribute for attribute."""

from __future__ import annotations

import os
import signal
import sys
import time
from random import randint
from typing import Any, ClassVar

from gunicorn import util
from gunicorn.workers.workertmp import WorkerTmp

QUIT_PAUSE_S = 0.1
"""Gunicorn's: what other threads have under way gets this long."""


class Worker:
    """A subclass defines `run`, and calls `notify` at least every `timeout` seconds.

    age: counts up; ppid: the process that must stay its parent; sockets: listening, not blocking
    app: ``app.wsgi()`` loads the application; timeout: half of the setting; cfg: the settings; log: a Logger
    """

    SIGNALS: ClassVar[list[signal.Signals]] = [
        signal.SIGABRT,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGWINCH,
        signal.SIGCHLD,
    ]
    PIPE: Any = ()

    def __init__(self, age: int, ppid: int, sockets: list[Any], app: Any, timeout: float, cfg: Any, log: Any) -> None:
        self.age = age
        self.pid: Any = "[booting]"
        self.ppid = ppid
        self.sockets = sockets
        self.app = app
        self.timeout = timeout
        self.cfg = cfg
        self.log = log
        self.booted = False
        self.aborted = False
        self.alive = True
        self.reloader = None
        self.nr = 0
        self.max_requests = sys.maxsize
        if cfg.max_requests > 0:
            self.max_requests = cfg.max_requests + randint(0, cfg.max_requests_jitter)
        self.tmp: Any = WorkerTmp(cfg)
        self.wait_fds: list[Any] = []
        self.wsgi: Any = None

    def __str__(self) -> str:
        return f"<Worker {self.pid}>"

    def notify(self) -> None:
        """Show that the worker lives."""
        self.tmp.notify()

    def run(self) -> None:
        """The loop: serves until `alive` is false."""
        raise NotImplementedError()

    def init_process(self) -> None:
        """Prepare the process, load the application, and `run`. A subclass calls it last in its own."""
        os.environ.update(self.cfg.env)
        util.set_owner_process(self.cfg.uid, self.cfg.gid, initgroups=self.cfg.initgroups)
        util.seed()
        self.PIPE = os.pipe()
        for end in self.PIPE:
            util.set_non_blocking(end)
            util.close_on_exec(end)
        for sock in self.sockets:
            util.close_on_exec(sock)
        util.close_on_exec(self.tmp.fileno())
        self.wait_fds = [*self.sockets, self.PIPE[0]]
        self.log.close_on_exec()
        self.init_signals()
        self.load_wsgi()
        self.cfg.post_worker_init(self)
        self.booted = True
        self.run()

    def load_wsgi(self) -> None:
        self.wsgi = self.app.wsgi()

    def init_signals(self) -> None:
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGQUIT, self.handle_quit)
        signal.signal(signal.SIGTERM, self.handle_exit)
        signal.signal(signal.SIGINT, self.handle_quit)
        signal.signal(signal.SIGWINCH, self.handle_winch)
        signal.signal(signal.SIGUSR1, self.handle_usr1)
        signal.signal(signal.SIGABRT, self.handle_abort)
        # They must not interrupt the calls of a request that is being served.
        signal.siginterrupt(signal.SIGTERM, False)
        signal.siginterrupt(signal.SIGUSR1, False)
        signal.set_wakeup_fd(self.PIPE[1])

    def handle_usr1(self, sig: int, frame: Any) -> None:
        self.log.reopen_files()

    def handle_exit(self, sig: int, frame: Any) -> None:
        self.alive = False

    def handle_quit(self, sig: int, frame: Any) -> None:
        self.alive = False
        self.cfg.worker_int(self)
        time.sleep(QUIT_PAUSE_S)
        sys.exit(0)

    def handle_abort(self, sig: int, frame: Any) -> None:
        self.alive = False
        self.cfg.worker_abort(self)
        sys.exit(1)

    def handle_winch(self, sig: int, frame: Any) -> None:
        self.log.debug("worker: SIGWINCH ignored.")
