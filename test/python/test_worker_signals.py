"""Each in a process of its own; test_sync_worker.py has the same in a whole worker."""

from __future__ import annotations

import pytest

from programs import output_of, run_program

BEGIN = """
import logging, os, signal, socket, sys, threading
from tunicorn_worker.control_link import ControlLink
from tunicorn_worker.worker_signals import LEFT_ALONE, WorkerSignals
nursery, end = socket.socketpair()
logging.basicConfig(stream=sys.stdout, level="INFO", format="%(message)s")
signal.signal(signal.SIGTTIN, lambda *_: None)
LIMITED = False
def on_late(frame):
    if LIMITED: print("late", frame.f_code.co_name)
    return LIMITED
WorkerSignals(
    ControlLink(end), lambda: print("reopened"), lambda: print("aborted"), lambda: sys.exit("quit"),
    lambda: print("dismissed"), on_late
).install()
"""


def test_reported_and_not_obeyed() -> None:
    program = """
for name in ("HUP", "INT", "QUIT", "TERM", "USR2", "WINCH", "USR1"):
    os.kill(os.getpid(), getattr(signal, "SIG" + name))
    print(nursery.recv(1000))
print({signal.getsignal(number) for number in LEFT_ALONE} == {signal.SIG_DFL})
"""
    lines = output_of(BEGIN + program).splitlines()
    names = ("HUP", "INT", "QUIT", "TERM", "USR2", "WINCH", "USR1")
    told = [f"""b'{{"ev":"signalled","signal":"{name}"}}\\n'""" for name in names]
    assert lines == [*told[:-1], "reopened", told[-1], "True"]


def test_usr2_asks_to_look_for_late_requests_where_there_is_a_limit() -> None:
    program = """
LIMITED = True
def view():
    os.kill(os.getpid(), signal.SIGUSR2)
view()
nursery.setblocking(False)
try:
    print(nursery.recv(1000))
except BlockingIOError:
    print("nothing is reported")
"""
    assert output_of(BEGIN + program).splitlines() == ["late view", "nothing is reported"]


def test_an_announced_quit_is_obeyed_at_once() -> None:
    program = """
nursery.send(b'{"cmd":"quit"}\\n')
os.kill(os.getpid(), signal.SIGQUIT)
print("never")
"""
    done = run_program(BEGIN + program)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "quit\n")


def test_a_quit_signal_with_a_stop_is_a_dismissal() -> None:
    program = """
nursery.send(b'{"cmd":"stop"}\\n')
os.kill(os.getpid(), signal.SIGQUIT)
nursery.setblocking(False)
try:
    nursery.recv(1000)
except BlockingIOError:
    print("not reported")
"""
    assert output_of(BEGIN + program).splitlines() == ["dismissed", "not reported"]


@pytest.mark.parametrize("place", ["main", "thread"])
def test_abort_says_where_every_thread_is(place: str) -> None:
    program = """
go, there = threading.Event(), threading.Event()
def beside():
    there.set()
    go.wait()
def within():
    os.kill(os.getpid(), signal.SIGABRT)
thread = threading.Thread(target=beside, daemon=True)
thread.start()
there.wait()
within()
"""
    done = run_program(BEGIN + program)
    assert done.returncode == 1
    first, second, *rest = done.stdout.splitlines()
    assert first == "aborted"
    assert second.startswith("stacks of all threads at SIGABRT pid=")
    assert f"in {'within' if place == 'main' else 'beside'}\n" in done.stdout
    assert any(line.startswith("Thread MainThread (") for line in rest)
