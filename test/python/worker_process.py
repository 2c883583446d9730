"""A worker of any class in a forked process, and this side's ends of its channels."""

from __future__ import annotations

import array
import json
import logging
import os
import select
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

from fake_gateway import PATIENCE_SECONDS, FakeGateway, make_config
from tunicorn_worker import wire
from tunicorn_worker.worker_life import WorkerLife

if TYPE_CHECKING:
    from tunicorn_worker.worker_life import Worker

GATEWAY = 4242
"""The pid that workers are told."""
NUMBER = 42
DESCRIPTORS_MAX = 256


class WorkerProcess:
    """A forked worker and this side's ends of its channels."""

    def __init__(self, worker_class: type[Worker], application: Any, **config: Any) -> None:
        self.control, control = socket.socketpair()
        self.lifeline, lifeline = socket.socketpair()
        self.log_read, log_write = os.pipe()
        self.control.settimeout(PATIENCE_SECONDS)
        self.log = ""
        self._lines = b""
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.dup2(log_write, 2)
                # This side's ends must not stay open in the worker: nobody would see their end.
                # Handlers of pytest and of other tests lose their descriptors here; nothing may touch them.
                for name in ("", "gunicorn.error", "gunicorn.access"):
                    logging.getLogger(name).handlers.clear()
                for descriptor in range(3, DESCRIPTORS_MAX):
                    if descriptor not in (control.fileno(), lifeline.fileno()):
                        os.closerange(descriptor, descriptor + 1)
                sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
                life = WorkerLife(
                    lambda: worker_class,
                    number=NUMBER,
                    control=control,
                    lifeline_fd=lifeline.fileno(),
                    config=make_config(**config),
                )
                life.live(application, report_modules=True)
            finally:
                os._exit(99)
        control.close()
        lifeline.close()
        os.close(log_write)

    def event(self) -> dict[str, Any]:
        while b"\n" not in self._lines:
            data = self.control.recv(65536)
            assert data, self.read_log()
            self._lines += data
        line, self._lines = self._lines.split(b"\n", 1)
        event: dict[str, Any] = json.loads(line)
        return event

    def boot(self) -> WorkerProcess:
        assert self.event() == {"ev": "started", "pid": self.pid}
        assert self.event()["ev"] == "ready"
        return self

    def say(self, command: str, descriptors: list[int] | None = None, **fields: Any) -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        self.control.sendmsg([json.dumps({"cmd": command, **fields}).encode() + b"\n"], rights)

    def link(self, gateway: FakeGateway) -> None:
        self.say("link", [gateway.worker_end.fileno(), gateway.pipe_read, gateway.memory], gateway=GATEWAY)
        gateway.worker_end.close()
        frame = gateway.frame()
        assert frame is not None
        assert (frame.kind, frame.body) == (wire.READY, wire.U32.pack(NUMBER))

    def link_lane(self, lane: int, gateway: FakeGateway) -> None:
        """Give a gthread worker one more lane, after `link`."""
        self.say("lane", [gateway.worker_end.fileno()], lane=lane)
        gateway.worker_end.close()
        frame = gateway.frame()
        assert frame is not None
        assert (frame.kind, frame.body) == (wire.READY, wire.U32.pack(wire.lane_number(NUMBER, lane)))

    def read_log(self) -> str:
        while data := os.read(self.log_read, 65536):
            self.log += data.decode()
        return self.log

    def wait_for_log(self, text: str) -> None:
        while text not in self.log:
            data = os.read(self.log_read, 65536)
            assert data, self.log
            self.log += data.decode()

    def exit_code(self) -> int:
        """Wait for the end; the log is complete then."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            # The log is read meanwhile: a full pipe would keep the worker from ending.
            if select.select([self.log_read], [], [], 0.05)[0]:
                self.log += os.read(self.log_read, 65536).decode()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                self.read_log()
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"the worker did not end: {self.log}")

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.control.close()
        self.lifeline.close()
        os.close(self.log_read)
