"""Each in a process of its own."""

from __future__ import annotations

import sys

import pytest

from programs import output_of
from tunicorn_worker import linux

SUBREAPER = """
import os, sys
from tunicorn_worker.linux import become_subreaper
reader, writer = os.pipe()
def orphan():
    "Forks a child that leaves a grandchild, which tells its parent once it is an orphan."
    ready, go = os.pipe()
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            os.read(ready, 1)
            os.write(writer, str(os.getppid()).encode())
            os._exit(0)
        os._exit(0)
    os.waitpid(child, 0)
    os.write(go, b"x")
    return int(os.read(reader, 20))
first = orphan() == os.getpid()
print(first, become_subreaper(), orphan() == os.getpid())
"""

DIES_WITH_PARENT = """
import os, signal
from tunicorn_worker.linux import die_with_parent
alive, end = os.pipe()
parent = os.fork()
if parent == 0:
    os.close(alive)
    ready, go = os.pipe()
    own = os.getpid()
    if os.fork() == 0:
        die_with_parent(own)
        os.write(go, b"x")
        signal.pause()
    os.read(ready, 1)
    os._exit(0)
os.close(end)
os.waitpid(parent, 0)
print(os.read(alive, 1))  # the end of file, when the last that holds the pipe is gone
if os.fork() == 0:
    die_with_parent(parent)  # gone before the call
    os._exit(0)
print(os.wait()[1])
"""

IS_SIGNALLED_WITH_PARENT = """
import os, signal
from tunicorn_worker.linux import signal_with_parent
reader, writer = os.pipe()
parent = os.fork()
if parent == 0:
    ready, go = os.pipe()
    own = os.getpid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, lambda number, frame: (os.write(writer, b"told"), os._exit(0)))
        signal_with_parent(own, signal.SIGTERM)
        os.write(go, b"x")
        while True:
            signal.pause()
    os.read(ready, 1)
    os._exit(0)
os.waitpid(parent, 0)
print(os.read(reader, 4))
"""

SIGNAL_DESCRIPTOR = """
import os, select, signal
from tunicorn_worker.linux import open_signal_descriptor
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP, signal.SIGUSR1])
number = open_signal_descriptor([signal.SIGHUP])
print(os.get_inheritable(number), os.get_blocking(number))
for name in ("SIGUSR1", "SIGHUP"):
    os.kill(os.getpid(), getattr(signal, name))
    print(bool(select.select([number], [], [], 0)[0]))
"""


def test_a_subreaper_gets_the_orphans() -> None:
    assert output_of(SUBREAPER) == "False True True\n"


def test_a_process_that_dies_with_its_parent() -> None:
    assert output_of(DIES_WITH_PARENT) == "b''\n9\n"


def test_a_signal_descriptor_is_readable_while_a_signal_waits() -> None:
    assert output_of(SIGNAL_DESCRIPTOR) == "False False\nFalse\nTrue\n"


@pytest.mark.parametrize("missing", ["platform", "ctypes"])
def test_where_they_cannot_be_had(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing == "platform":
        monkeypatch.setattr(sys, "platform", "darwin")
    else:
        monkeypatch.setitem(sys.modules, "ctypes", None)
    assert linux.become_subreaper() is False
    assert linux.open_signal_descriptor([1]) is None
    linux.die_with_parent(-1)


def test_a_signal_when_the_parent_ends() -> None:
    assert output_of(IS_SIGNALLED_WITH_PARENT) == "b'told'\n"
