"""Each in a process of its own: the class changes the whole process."""

from __future__ import annotations

from pathlib import Path

import pytest

from programs import output_of, run_program

BEGIN = """
import os, signal, sys
from tunicorn_worker.descriptors import Holdings
from tunicorn_worker.group_signals import MASTER_SIGNALS, GroupSignals
from tunicorn_worker.poller import Poller
before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
signals = GroupSignals(Holdings())
"""


def test_the_senders_are_told() -> None:
    program = """
for name in ("TTIN", "INT", "TERM"):
    os.kill(os.getpid(), getattr(signal, "SIG" + name))
child = os.fork()
if child == 0:
    os.kill(os.getppid(), signal.SIGHUP)
    os._exit(0)
os.waitpid(child, 0)
taken = dict(signals.take())
print(sorted(taken), taken["INT"] == os.getpid(), taken["HUP"] == child, signals.take())
"""
    assert output_of(BEGIN + program) == "['HUP', 'INT', 'TERM', 'TTIN'] True True []\n"


@pytest.mark.parametrize("watch", [False, True])
def test_looks_only_where_nothing_wakes_it(watch: bool) -> None:
    program = """
poller = Poller()
if sys.argv[1:]:
    signals.watch_senders(poller, lambda: print("woken by", signals.take()[0][0]))
    os.kill(os.getpid(), signal.SIGUSR2)
    poller.wait(None)
print(signals.look_every_ms)
"""
    expected = "woken by USR2\nNone\n" if watch else "1000\n"
    assert output_of(BEGIN + program, *["watch"] * watch) == expected


def test_a_child_that_ends_wakes_the_loop() -> None:
    program = """
poller = Poller()
ended = []
signals.watch_children(poller, lambda: ended.append(os.waitpid(-1, 0)[1]))
if os.fork() == 0:
    os._exit(3)
while not ended:
    poller.wait(None)
print(os.waitstatus_to_exitcode(ended[0]))
"""
    assert output_of(BEGIN + program) == "3\n"


def test_users_code_runs_unblocked() -> None:
    program = """
with signals.unblocked():
    print(signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before)
    os.kill(os.getpid(), signal.SIGINT)
try:
    with signals.unblocked():
        raise KeyError
except KeyError:
    print(signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before | MASTER_SIGNALS, signals.take())
"""
    assert output_of(BEGIN + program) == "True\nTrue []\n"


@pytest.mark.parametrize("deaf", [False, True])
def test_release_in_child(deaf: bool) -> None:
    program = f"""
os.kill(os.getpid(), signal.SIGTERM)
pid = os.fork()
if pid == 0:
    signals.release_in_child(deaf={deaf})
    clean = signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    clean = clean and signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL and signal.set_wakeup_fd(-1) == -1
    os.write(1, f"{{clean}}\\n".encode())
    for number in sorted(MASTER_SIGNALS - {{signal.SIGINT}}) if {deaf} else ():
        os.kill(os.getpid(), number)
    os.kill(os.getpid(), signal.SIGINT)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    assert output_of(BEGIN + program) == ("True\n0\n" if deaf else "True\n-2\n")


def test_an_early_interrupt_kills_silently() -> None:
    program = BEGIN + "signals.release_in_child(deaf=False)\nos.kill(os.getpid(), signal.SIGINT)"
    done = run_program(program)
    assert (done.returncode, done.stdout, done.stderr) == (-2, "", "")


def test_programs_that_are_started_get_the_defaults(tmp_path: Path) -> None:
    """SIG_IGN would be inherited by whatever the user's configuration starts."""
    shown = output_of(BEGIN + "with signals.unblocked():\n    os.execv('/bin/cat', ['cat', '/proc/self/status'])")
    masks = dict(line.split(":", 1) for line in shown.splitlines())
    assert int(masks["SigIgn"], 16) & (1 << 14 | 1 << 1) == 0  # TERM, INT
    assert int(masks["SigBlk"], 16) == 0
