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
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from fake_gateway import PATIENCE_SECONDS, FakeGateway, make_config
from tunicorn_worker import wire
from tunicorn_worker.descriptors import Descriptor
from tunicorn_worker.stacks_watch import StacksWatch
from tunicorn_worker.worker_life import WorkerLife

if TYPE_CHECKING:
    from tunicorn_worker.worker_life import Worker

GATEWAY = 4242
"""The pid that workers are told of the first gateway."""
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
        self._descriptors: list[int] = []
        self.stacks: Descriptor | None = None
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
        """Wait for what the worker says next. The file of its stacks is put aside."""
        event = self._read_event()
        return self._read_event() if self._is_stacks_file(event) else event

    def receive_stacks_file(self) -> None:
        """Wait for it, the next event; `event` does it as well."""
        assert self._is_stacks_file(self._read_event())

    def _is_stacks_file(self, event: dict[str, Any]) -> bool:
        if event["ev"] != "stacks-file":
            return False
        self.stacks = Descriptor(self._descriptors.pop(0))
        return True

    def _read_event(self) -> dict[str, Any]:
        while b"\n" not in self._lines:
            data, descriptors, _, _ = socket.recv_fds(self.control, 65536, DESCRIPTORS_MAX)
            assert data, self.read_log()
            self._lines += data
            self._descriptors += descriptors
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

    def link(self, gateway: FakeGateway, index: int = 0) -> None:
        descriptors = [gateway.worker_end.fileno(), gateway.pipe_read, gateway.memory]
        self.say("link", descriptors, index=index, gateway=GATEWAY + index)
        gateway.worker_end.close()
        frame = gateway.frame()
        assert frame is not None
        assert (frame.kind, frame.body) == (wire.READY, wire.U32.pack(NUMBER))

    def link_lane(self, lane: int, gateway: FakeGateway, index: int = 0) -> None:
        """Give a gthread worker one more lane, after `link`."""
        self.say("lane", [gateway.worker_end.fileno()], index=index, lane=lane)
        gateway.worker_end.close()
        frame = gateway.frame()
        assert frame is not None
        assert (frame.kind, frame.body) == (wire.READY, wire.U32.pack(wire.lane_number(NUMBER, lane)))

    def wait_for_stack(self, place: str, request: int = 0) -> str:
        """Ask until it is there: ``"in wait"``. What has said that it runs may still have to come so far."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            text = self.show_stacks(request)
            if place in text:
                return text
        raise AssertionError(f"{place!r} never comes: {text}")

    def show_stacks(self, request: int = 0) -> str:
        """Ask as the nursery does, and wait for what it says."""
        said: list[dict[str, Any]] = []
        worker: Any = SimpleNamespace(pid=self.pid, stacks=self.stacks)
        family: Any = SimpleNamespace(workers={NUMBER: worker})
        watch = StacksWatch(family, lambda event, _=None, /, **fields: said.append({"ev": event, **fields}))
        watch.ask(NUMBER, 7, request)
        while watch.look_every_ms is not None:
            time.sleep(watch.look_every_ms / 1000)
            watch.look()
        (answer,) = said
        text = str(answer.pop("text"))
        assert answer == {"ev": "stacks", "worker": NUMBER, "ask": 7}
        return text

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
        if self.stacks is not None:
            self.stacks.close()
        for descriptor in self._descriptors:
            os.close(descriptor)
