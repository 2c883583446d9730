from __future__ import annotations

import array
import json
import os
import socket
from collections.abc import Iterator

import pytest

from tunicorn_worker.control_link import ControlLink


class Nursery:
    """The other end, written byte for byte."""

    def __init__(self) -> None:
        self.end, worker_end = socket.socketpair()
        self.link = ControlLink(worker_end)

    def say(self, data: bytes, descriptors: list[int] | None = None) -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        self.end.sendmsg([data], rights)


@pytest.fixture(name="nursery")
def _nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.end.close()
    socket.close(nursery.link.fileno())


LINK = b'{"cmd":"link"}\n'
QUIT = b'{"cmd":"quit"}\n'
STOP = b'{"cmd":"stop"}\n'


def test_reports_are_lines(nursery: Nursery) -> None:
    nursery.link.report({"ev": "ready", "modules": []})
    assert json.loads(nursery.end.recv(1000)) == {"ev": "ready", "modules": []}


def test_a_link_brings_its_descriptors(nursery: Nursery) -> None:
    pipes = [os.pipe() for _ in range(3)]
    nursery.say(LINK, [reader for reader, _ in pipes])
    assert nursery.link.receive() == [{"cmd": "link"}]
    taken = nursery.link.take_link()
    assert taken is not None
    for descriptor, (reader, writer) in zip(taken, pipes, strict=True):
        assert os.path.sameopenfile(descriptor, reader)
        assert not os.get_inheritable(descriptor)
        for number in (descriptor, reader, writer):
            os.close(number)


def test_a_link_without_its_descriptors_is_none(nursery: Nursery) -> None:
    nursery.say(LINK)
    nursery.link.receive()
    assert nursery.link.take_link() is None


@pytest.mark.parametrize(
    ("waiting", "found"),
    [
        ([], []),
        ([STOP], ["stop"]),
        ([QUIT], ["quit"]),
        ([STOP + QUIT], ["stop", "quit"]),
        ([STOP, QUIT], ["stop", "quit"]),
        ([LINK, QUIT], ["link", "quit"]),
        ([LINK, LINK, QUIT], ["link", "link", "quit"]),
        ([QUIT[:-3]], []),
        ([QUIT[3:], STOP], ["stop"]),
        ([b'{"cmd":"stop","why":"quit"}\n'], ["stop"]),
    ],
)
def test_commands_are_seen_and_left_unread(nursery: Nursery, waiting: list[bytes], found: list[str]) -> None:
    for data in waiting:
        nursery.say(data, [nursery.end.fileno()] if data == LINK else None)
    for _ in range(2):
        assert nursery.link.waiting() == found
    received = b""
    with socket.socket(fileno=os.dup(nursery.link.fileno())) as copy:
        copy.setblocking(False)
        while len(received) < len(b"".join(waiting)):
            received += copy.recv(1000)
    assert received == b"".join(waiting)


def test_a_nursery_that_is_gone(nursery: Nursery) -> None:
    nursery.end.close()
    assert not nursery.link.waiting()
    assert not nursery.link.ended
    assert nursery.link.receive() == []
    assert nursery.link.ended
    nursery.link.report({"ev": "signalled", "signal": "TERM"})


def test_a_descriptor_of_its_own(nursery: Nursery) -> None:
    reader, writer = os.pipe()
    nursery.say(b'{"cmd":"heartbeat"}\n', [reader])
    assert nursery.link.receive() == [{"cmd": "heartbeat"}]
    descriptor = nursery.link.take_descriptor()
    assert os.path.sameopenfile(descriptor, reader)
    for each in (reader, writer, descriptor):
        os.close(each)


def test_says_that_the_worker_has_begun_its_last_request(nursery: Nursery) -> None:
    nursery.link.report_worn(10)
    assert nursery.end.recv(100) == b'{"ev":"worn","requests":10}\n'
