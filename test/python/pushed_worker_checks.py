"""What tests of workers that are pushed to share: frames of a gateway, and what holds with two for every class."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable

from fake_gateway import FakeGateway
from tunicorn_worker import wire
from worker_process import WorkerProcess

Push = Callable[[FakeGateway, int, str, bytes], None]
"""Sends a request: gateway, stream, path, body"""


def push_head(gateway: FakeGateway, stream: int, head: bytes, body: bytes, flags: int = 0) -> None:
    size = wire.FRAME_HEADER_BYTES + len(head) + len(body)
    gateway.end.sendall(wire.pack_header(size, stream, wire.REQUEST, flags, 0, len(head)) + head + body)


def entry(gateway: FakeGateway, stream: int) -> int:
    at = wire.ENTRIES_OFFSET + stream * wire.ENTRY_BYTES
    (word,) = wire.U32.unpack(os.pread(gateway.memory, wire.ENTRY_BYTES, at))
    return int(word)


def answer(gateway: FakeGateway) -> tuple[int, int, bytes]:
    frame = gateway.frame()
    assert frame is not None
    return frame.kind, frame.stream, frame.body


def check_two_gateways_release(worker: WorkerProcess, gateways: list[FakeGateway], push: Push, text: bytes) -> None:
    """Both are served until they have released the worker. text: between path and body of an answer"""
    first, second = gateways
    for index, gateway in enumerate(gateways):
        worker.link(gateway, index)
    # The same stream is another request at each gateway.
    push(first, 5, "/a", b"one")
    push(second, 5, "/b", b"other")
    for gateway, path, body in ((first, b"/a", b"one"), (second, b"/b", b"other")):
        assert answer(gateway) == (wire.RESPONSE, 5, path + text + body)
        assert entry(gateway, 5) == 5
    first.send(wire.STOP)
    for gateway in gateways:
        assert answer(gateway)[0] == wire.LEAVING
    # It was on its way when the worker said so.
    push(second, 7, "/b", b"other")
    assert answer(second) == (wire.RESPONSE, 7, b"/b" + text + b"other")
    second.send(wire.STOP)
    for gateway in gateways:
        assert gateway.frame() is None
    assert worker.exit_code() == 0


def check_one_gateway_remains(worker: WorkerProcess, gateways: list[FakeGateway], push: Push, text: bytes) -> None:
    """The worker goes on without the other gateway and the nursery. text: as above; `/wait` waits for its client"""
    first, second = gateways
    for index, gateway in enumerate(gateways):
        worker.link(gateway, index)
    push(first, 4, "/wait", b"")
    while not entry(first, 4):
        time.sleep(0.001)
    worker.control.shutdown(socket.SHUT_RDWR)
    first.end.close()
    push(second, 5, "/b", b"other")
    assert answer(second) == (wire.RESPONSE, 5, b"/b" + text + b"other")
    second.end.close()
    assert worker.exit_code() == 0, worker.log
