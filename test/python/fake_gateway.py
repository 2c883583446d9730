"""A gateway for tests: the other end of a worker's channel, ticket pipe and slot memory, driven step by step."""

from __future__ import annotations

import marshal
import os
import socket
import tempfile
from dataclasses import dataclass, field
from typing import Any

from tunicorn_worker import wire
from tunicorn_worker.config import Config

MEMORY_BYTES = wire.ENTRIES_OFFSET + wire.ENTRY_COUNT * wire.ENTRY_BYTES
# Generous: it only ends a test that hangs.
PATIENCE_SECONDS = 30

DEFAULTS: dict[str, Any] = {
    "workers": 2,
    "asgi_loop": "asyncio",
    "asgi_lifespan": "auto",
    "asgi_disconnect_grace_period": 3,
    "errorlog": "-",
    "accesslog": None,
    "loglevel": "debug",
    "capture_output": False,
    "user": os.getuid(),
    "group": os.getgid(),
    "timeout": 30,
    "sendfile": None,
    "paste": None,
    "raw_paste_global_conf": [],
    "pythonpath": None,
    "chdir": "/",
    "raw_env": [],
    "threads": 1,
    "graceful_timeout": 30,
    "max_requests": 0,
    "max_requests_jitter": 0,
    "request_timeout": 0,
    "max_worker_memory": 0,
    "logger_class": "gunicorn.glogging.Logger",
    "statsd_host": None,
    "statsd_prefix": "",
    "dogstatsd_tags": "",
    "enable_backlog_metric": False,
    "max_worker_memory_hard": 0,
    "pre_request": None,
    "post_request": None,
    "post_fork": None,
    "post_worker_init": None,
    "worker_int": None,
    "worker_abort": None,
    "worker_exit": None,
    "reload": False,
    "spew": False,
    "logconfig": None,
    "logconfig_dict": None,
    "logconfig_json": None,
    "syslog": False,
    "disable_redirect_access_to_syslog": False,
    "proc_name": None,
    "default_proc_name": "app:app",
}


def keep_nothing(_stream: int, _end: socket.socket) -> None:
    """A `hand_over` for channels whose requests take no connection."""


def make_config(app: str = "app:app", *, worker_kind: str = "sync", **values: Any) -> Config:
    return Config(
        {**DEFAULTS, **values},
        app=app,
        server_software="gunicorn/27.0.1 tunicorn/0.1.0",
        version="0.1.0",
        title_prefix="tunicorn: ",
        worker_kind=worker_kind,
        master_pid=os.getppid(),
    )


def make_environ(method: str = "GET", target: str = "/", **more: str) -> dict[str, str]:
    path, _, query = target.partition("?")
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "RAW_URI": target,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "51234",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "localhost:8000",
        **more,
    }


@dataclass
class Frame:
    kind: int
    stream: int
    flags: int = 0
    status: bytes = b""
    head: bytes = b""
    content_length: int | None = None
    body: bytes = b""


def read_frame(data: bytes) -> tuple[Frame, bytes] | None:
    """Split the first whole frame off; None when it is not all there."""
    if len(data) < wire.FRAME_HEADER_BYTES:
        return None
    size, stream, kind, flags, status_bytes, head_bytes = wire.unpack_header(data, 0)
    if len(data) < size:
        return None
    at = wire.FRAME_HEADER_BYTES
    status = data[at : at + status_bytes]
    at += status_bytes
    head = data[at : at + head_bytes]
    at += head_bytes
    length = None
    if kind in (wire.RESPONSE, wire.HEAD) and flags & wire.HAS_CONTENT_LENGTH:
        (length,) = wire.U64.unpack_from(data, at)
        at += 8
    return Frame(kind, stream, flags, status, head, length, data[at:size]), data[size:]


@dataclass
class FakeGateway:
    """Makes a pipe, slot memory and one channel; `ends` are the descriptors for the worker."""

    worker_end: socket.socket = field(init=False)
    end: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.end, self.worker_end = socket.socketpair()
        self.end.settimeout(PATIENCE_SECONDS)
        self.pipe_read, self.pipe_write = os.pipe()
        with tempfile.TemporaryFile() as file:
            file.truncate(MEMORY_BYTES)
            self.memory = os.dup(file.fileno())
        self._data = b""

    def another_lane(self) -> FakeGateway:
        """One more channel over the same pipe and memory."""
        lane = FakeGateway()
        for own in (lane.pipe_read, lane.pipe_write, lane.memory):
            os.close(own)
        lane.pipe_read, lane.pipe_write, lane.memory = self.pipe_read, self.pipe_write, self.memory
        return lane

    def write_slot(self, slot: int, stream: int, content: bytes = b"") -> None:
        os.pwrite(self.memory, wire.TICKET.pack(stream, 0, 0, 0) + content, slot * wire.SLOT_BYTES)

    def slot_words(self, slot: int) -> tuple[int, ...]:
        """Id, claim, started, reserved."""
        return wire.TICKET.unpack(os.pread(self.memory, wire.SLOT_HEADER_BYTES, slot * wire.SLOT_BYTES))

    def begin_earlier(self, slot: int, seconds: int) -> None:
        """Make the slot's request seem to have begun so much earlier."""
        started = self.slot_words(slot)[2]
        os.pwrite(self.memory, wire.U32.pack((started - seconds * 1000) & 0xFFFFFFFF), slot * wire.SLOT_BYTES + 8)

    def write_ticket(self, slot: int, head_bytes: int, stream: int, body_bytes: int) -> None:
        os.write(self.pipe_write, wire.TICKET.pack(slot, head_bytes, stream, body_bytes))

    def request(self, stream: int, environ: dict[str, Any], body: bytes | None = b"", slot: int = 0) -> None:
        """Queue a request. body None: it will come through the channel."""
        head = marshal.dumps(environ, 0)
        self.write_slot(slot, stream, head + (body or b""))
        self.write_ticket(slot, len(head), stream, wire.THROUGH_CHANNEL if body is None else len(body))

    def send(self, kind: int, stream: int = 0, payload: bytes = b"") -> None:
        self.end.sendall(wire.pack_plain(kind, stream, payload))

    def frame(self) -> Frame | None:
        """Wait for the worker's next frame; None at the end of file."""
        while True:
            read = read_frame(self._data)
            if read is not None:
                frame, self._data = read
                return frame
            data = self.end.recv(1 << 20)
            if not data:
                assert not self._data
                return None
            self._data += data

    def frames(self) -> list[Frame]:
        """What is left until the end of file."""
        frames = []
        while (frame := self.frame()) is not None:
            frames.append(frame)
        return frames

    def close(self) -> None:
        self.end.close()
        self.worker_end.close()
        for descriptor in (self.pipe_read, self.pipe_write, self.memory):
            try:
                os.close(descriptor)
            except OSError:
                pass
