"""An arbiter for tests of the nursery: starts it as Node would, speaks Node's IPC lines with it, holds its lifeline."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from fake_gateway import DEFAULTS
from tunicorn_worker.node_ipc import NodeChannel

PROGRAM = str(Path(__file__).parents[2] / "python" / "tunicorn_worker" / "__main__.py")
GATEWAY_PROGRAM = str(Path(__file__).with_name("gateway_program.py"))
# Nothing waits so long unless it is broken; a test then fails instead of hanging.
PATIENCE_S = 30.0
IPC_FD, LIFELINE_FD = 3, 4

Message = dict[str, Any]


class Inbox:
    """Messages of one channel, waited for by what they are."""

    def __init__(self, channel: NodeChannel) -> None:
        self.channel = channel
        self._waiting: list[tuple[Message, int | None]] = []

    def take(self, event: str, **fields: object) -> tuple[Message, int | None]:
        """Waits for the first event with this name and these fields, and removes it; others stay."""
        while True:
            for position, (message, descriptor) in enumerate(self._waiting):
                if message.get("ev") == event and all(message.get(name) == value for name, value in fields.items()):
                    del self._waiting[position]
                    return message, descriptor
            self._read(event)

    def _read(self, wanted: str) -> None:
        seen = [message for message, _ in self._waiting]
        assert not self.channel.ended, f"the nursery ended before {wanted!r}; it had said {seen}"
        readable, _, _ = select.select([self.channel], [], [], PATIENCE_S)
        assert readable, f"no {wanted!r} came; what came is {seen}"
        self._waiting += self.channel.receive()

    def close(self) -> None:
        for _, descriptor in self._waiting:
            if descriptor is not None:
                os.close(descriptor)
        self._waiting.clear()
        self.channel.close()


class FakeArbiter:
    """Starts nurseries and keeps what an arbiter keeps for the next one. At the end, everything it started is gone."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self.directory = directory
        self._environment = {**os.environ, "PWD": str(directory), **environment}
        self._environment.pop("PYTHONPATH", None)
        self._lifeline, self._lifeline_far = socket.socketpair()
        self._gateways: list[GatewayEnd] = []
        self.kept: dict[tuple[str, int], int] = {}
        self.gateway_pids: dict[int, int] = {}
        self.listeners: list[tuple[Message, int]] = []
        self.pids: set[int] = set()
        self.start_nursery()

    def __enter__(self) -> FakeArbiter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def start_nursery(self) -> None:
        near, far = socket.socketpair()
        # Away from the numbers they will have in the child.
        ipc = fcntl.fcntl(far, fcntl.F_DUPFD_CLOEXEC, 50)
        lifeline = fcntl.fcntl(self._lifeline_far, fcntl.F_DUPFD_CLOEXEC, 50)
        far.close()
        self.nursery_pid = os.posix_spawn(
            sys.executable,
            [sys.executable, PROGRAM, "nursery"],
            {**self._environment, "NODE_CHANNEL_FD": str(IPC_FD), "NODE_CHANNEL_SERIALIZATION_MODE": "json"},
            file_actions=[(os.POSIX_SPAWN_DUP2, ipc, IPC_FD), (os.POSIX_SPAWN_DUP2, lifeline, LIFELINE_FD)],
        )
        os.close(ipc)
        os.close(lifeline)
        self.pids.add(self.nursery_pid)
        self.inbox = Inbox(NodeChannel(near))

    def say(self, cmd: str, descriptor: int | None = None, **fields: object) -> None:
        self.inbox.channel.send({"cmd": cmd, **fields}, descriptor)
        self.inbox.channel.flush()

    def wait(self, event: str, **fields: object) -> Message:
        """An event that brings no descriptor."""
        message, descriptor = self.inbox.take(event, **fields)
        assert descriptor is None, f"{message} came with a descriptor"
        if "pid" in message and event in ("forked", "gateway"):
            self.pids.add(message["pid"])
        return message

    def wait_handle(self, event: str, **fields: object) -> tuple[Message, int]:
        """An event with a descriptor, which belongs to the caller."""
        message, descriptor = self.inbox.take(event, **fields)
        assert descriptor is not None, f"{message} came without its descriptor"
        return message, descriptor

    def keep(self, event: str) -> Message:
        """An event whose descriptor is for the next nursery."""
        message, descriptor = self.wait_handle(event)
        key = (event, int(message["gateway"]))
        if key in self.kept:
            os.close(self.kept[key])
        self.kept[key] = descriptor
        return message

    def send_settings(self, app: str = "app", worker_kind: str = "sync", **values: object) -> None:
        self.say("settings", **self.settings(app, worker_kind, **values))

    def settings(self, app: str = "app", worker_kind: str = "sync", **values: object) -> dict[str, object]:
        """The fields of `settings`."""
        return {
            "values": {**DEFAULTS, "chdir": str(self.directory), **values},
            "app": app,
            "serverSoftware": "gunicorn/27.0.1 tunicorn/0",
            "version": "0",
            "titlePrefix": "tunicorn: ",
            "workerKind": worker_kind,
            "uvicorn": None,
            "run": 0,
            "keep": [],
        }

    def bind(self, *addresses: Message, backlog: int = 16) -> list[Message]:
        """Binds, keeps the listeners, and returns how they are described."""
        numbered = [{"index": index, **address} for index, address in enumerate(addresses)]
        self.say("bind", addresses=numbered, backlog=backlog, own=len(numbered), hold=False)
        new = [self.wait_handle("listening", index=index) for index in range(len(addresses))]
        for _, descriptor in self.listeners:
            os.close(descriptor)
        self.listeners = new
        self.wait("bound")
        return [message for message, _ in self.listeners]

    def start_gateway(self, index: int = 0) -> GatewayEnd:
        """Starts the stand-in for a gateway, and keeps what a next nursery needs."""
        program = {"node": sys.executable, "flags": ["-u"], "program": GATEWAY_PROGRAM, "env": {"GATEWAY": "1"}}
        self.say("gateway", **program, gateway=index, hold=False)
        self.gateway_pids[index] = self.keep("gateway-channel")["pid"]
        self.keep("parked")
        message, descriptor = self.wait_handle("gateway", gateway=index)
        assert message["pid"] == self.gateway_pids[index]
        self.pids.add(message["pid"])
        control = socket.socket(fileno=descriptor)
        gateway = GatewayEnd(message["pid"], control)
        self._gateways.append(gateway)
        return gateway

    def fork(self, worker: int, generation: int = 0, *, preload: bool = False, report_modules: bool = False) -> int:
        """Forks a worker and waits until it is; returns its pid."""
        self.say("fork", worker=worker, generation=generation, preload=preload, report_modules=report_modules)
        return int(self.wait("forked", worker=worker)["pid"])

    def boot(self, worker: int, generation: int = 0, *, preload: bool = False) -> int:
        """Forks a worker and waits until it is ready; returns its pid."""
        pid = self.fork(worker, generation, preload=preload)
        self.wait("ready", worker=worker, pid=pid)
        return pid

    def kill_nursery(self) -> None:
        """As `kill -9`, and collects it."""
        os.kill(self.nursery_pid, signal.SIGKILL)
        os.waitpid(self.nursery_pid, 0)
        self.inbox.close()

    def hand_over(self, workers: list[tuple[int, int]]) -> None:
        """Gives a new nursery what the one before had left."""
        for message, descriptor in self.listeners:
            self.say("adopt", descriptor, **{**message, "what": "listener"})
        for (what, gateway), descriptor in self.kept.items():
            known = {"pid": self.gateway_pids[gateway]} if what == "gateway-channel" else {}
            self.say("adopt", descriptor, what=what, gateway=gateway, **known)
        self.say("adopted", workers=workers)

    def wait_exit(self) -> int:
        """Waits for the nursery to leave by itself; returns waitpid's status."""
        return wait_child(self.nursery_pid)

    def drop_lifeline(self) -> None:
        self._lifeline.close()
        self._lifeline_far.close()

    def close(self) -> None:
        """Ends everything, as the end of an arbiter does, and checks that nothing is left."""
        self.drop_lifeline()
        self.inbox.close()
        for gateway in self._gateways:
            gateway.close()
        for descriptor in [*self.kept.values(), *(descriptor for _, descriptor in self.listeners)]:
            os.close(descriptor)
        for pid in self.pids:
            wait_gone(pid)


class GatewayEnd:
    """The arbiter's end of a stand-in gateway's control socket."""

    def __init__(self, pid: int, control: socket.socket) -> None:
        self.pid = pid
        self._control = control
        self._control.settimeout(PATIENCE_S)
        self._lines = control.makefile("rb")
        self._seen: list[Message] = []

    def wait(self, cmd: str, **fields: object) -> Message:
        """Waits until the gateway reports that the nursery sent it this command with these fields."""
        while True:
            for position, message in enumerate(self._seen):
                if message["cmd"] == cmd and all(message.get(name) == value for name, value in fields.items()):
                    del self._seen[position]
                    return message
            line = self._lines.readline()
            assert line, f"the gateway ended before {cmd!r}"
            self._seen.append(json.loads(line))

    def make_say(self, **message: object) -> None:
        """Has the gateway say something to the nursery."""
        self._control.sendall(json.dumps(message).encode())

    def close(self) -> None:
        """The arbiter is gone, for the gateway."""
        self._lines.close()
        self._control.close()


def wait_child(pid: int) -> int:
    """Waits for a child of this process to end; returns waitpid's status."""
    descriptor = os.pidfd_open(pid)
    try:
        assert select.select([descriptor], [], [], PATIENCE_S)[0], f"process {pid} does not end"
    finally:
        os.close(descriptor)
    return os.waitpid(pid, 0)[1]


def wait_gone(pid: int) -> None:
    """Waits until a process, a child of this one or not, has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not select.select([descriptor], [], [], PATIENCE_S)[0]:
            os.kill(pid, signal.SIGKILL)
            raise AssertionError(f"process {pid} was left behind")
    finally:
        os.close(descriptor)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
