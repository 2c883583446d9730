from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = str(Path(__file__).parents[2] / "python" / "tunicorn_worker" / "__main__.py")
PATIENCE_S = 30

# Names each signal that it gets. They stay blocked and are taken by sigwait: with handlers around pause(), one that
# comes just before the call would be named only after the next.
CHILD = """
import os, signal
taken = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGTTIN, signal.SIGWINCH)
mask = signal.pthread_sigmask(signal.SIG_BLOCK, taken)
interrupt = signal.signal(signal.SIGINT, signal.SIG_DFL)
print('ready', os.getppid(), sorted(mask), interrupt is signal.default_int_handler, flush=True)
while True:
    print(signal.Signals(signal.sigwait(taken)).name, flush=True)
"""

# Leaves a grandchild that ends as an orphan, waits until it is reaped, and leaves.
ORPHAN = """
import os, select, sys
reader, writer = os.pipe()
if os.fork() == 0:
    pid = os.fork()
    if pid:
        os.write(writer, str(pid).encode())
        os._exit(0)
    os._exit(0)
os.wait()
pid = int(os.read(reader, 20))
try:
    while True:
        os.kill(pid, 0)
except ProcessLookupError:
    sys.exit(5)
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PROGRAM, "init", *command], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("pass", 0),
        ("import sys; sys.exit(3)", 3),
        ("import os; os.kill(os.getpid(), 9)", 137),
        ("import os; os.kill(os.getpid(), 15)", 143),
    ],
)
def test_exit_code(program: str, code: int) -> None:
    assert run(sys.executable, "-c", program).returncode == code


def test_orphans_are_reaped() -> None:
    assert run(sys.executable, "-c", ORPHAN).returncode == 5


def test_command_that_cannot_be_started(tmp_path: Path) -> None:
    missing = run("/nope/program")
    assert missing.returncode == 127
    assert missing.stderr == "tunicorn init: cannot start '/nope/program': No such file or directory\n"
    (tmp_path / "plain").write_text("")
    assert run(str(tmp_path / "plain")).returncode == 126


@pytest.mark.parametrize("ignored", [signal.SIG_IGN, signal.SIG_DFL])
def test_started_by_one_who_ignores_its_children(ignored: signal.Handlers) -> None:
    program = (
        f"import os, signal, sys\nsignal.signal(signal.SIGCHLD, signal.{ignored.name})\n"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = [sys.executable, PROGRAM, "init", sys.executable, "-c", "import sys; sys.exit(4)"]
    done = subprocess.run([sys.executable, "-c", program, *command], timeout=PATIENCE_S, check=False)
    assert done.returncode == 4


@pytest.mark.parametrize("name", ["LISTEN_PID", "WATCHDOG_PID"])
def test_what_is_meant_for_the_first_process_is_for_the_command(name: str) -> None:
    program = f"import os; print(os.environ[{name!r}] == str(os.getpid()))"
    script = f'{name}=$$; export {name}; exec "$@"'
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", sys.executable, PROGRAM, "init", sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert done.stdout == "True\n"
    other = subprocess.run(
        [sys.executable, PROGRAM, "init", sys.executable, "-c", f"import os; print(os.environ[{name!r}])"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
        env={**os.environ, name: "999999999"},
    )
    assert other.stdout == "999999999\n"


def test_signals_are_passed_on() -> None:
    command = [sys.executable, PROGRAM, "init", sys.executable, "-c", CHILD]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"ready {process.pid} [] True\n"
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1, signal.SIGTTIN, signal.SIGWINCH):
            os.kill(process.pid, number)
            assert process.stdout.readline() == f"{number.name}\n"
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(PATIENCE_S) == 128 + signal.SIGINT
    finally:
        # A signal that was not passed on must not leave both waiting for it.
        process.kill()
        process.communicate()
