from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tunicorn_worker.notify_socket import connect

PROGRAM = str(Path(__file__).parents[2] / "python" / "tunicorn_worker" / "__main__.py")

SPEAKS = """
import os, signal
number = int(os.environ["TUNICORN_NOTIFY"])
os.write(number, str(os.getpid()).encode())
print(number, os.get_blocking(number), signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN)
"""


@pytest.fixture(name="manager", params=["path", "abstract"])
def _manager(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, socket.socket]:
    """What NOTIFY_SOCKET says, and the socket there."""
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    request.addfinalizer(receiver.close)
    name = str(tmp_path / "notify")
    receiver.bind(name if request.param == "path" else f"\0{name}")
    receiver.settimeout(30)
    return (name if request.param == "path" else f"@{name}"), receiver


def run(address: str, *command: str, closed: tuple[int, ...] = ()) -> subprocess.Popen[str]:
    def close() -> None:
        for number in closed:
            os.close(number)

    return subprocess.Popen(
        [sys.executable, "-IS", PROGRAM, "notify", *command],
        env={**os.environ, "NOTIFY_SOCKET": address},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=close,
    )


@pytest.mark.parametrize("closed", [(), (0,)])
def test_the_command_is_connected_and_is_the_same_process(
    manager: tuple[str, socket.socket], closed: tuple[int, ...]
) -> None:
    address, receiver = manager
    with run(address, sys.executable, "-c", SPEAKS, closed=closed) as process:
        output, _ = process.communicate(timeout=30)
    number, blocking, *_ = output.split()
    assert (int(number) >= 3, blocking) == (True, "False")
    assert receiver.recv(100) == str(process.pid).encode()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("/nowhere/notify", "cannot connect to NOTIFY_SOCKET '/nowhere/notify': No such file or directory"),
        ("vsock:2:1234", "NOTIFY_SOCKET is 'vsock:2:1234', not the path of a socket"),
        ("", "NOTIFY_SOCKET is '', not the path of a socket"),
        ("/" + "x" * 200, "AF_UNIX path too long"),
    ],
)
def test_without_a_connection_the_command_is_told_why(address: str, reason: str) -> None:
    with run(address, sys.executable, "-c", "import os; print(os.environ['TUNICORN_NOTIFY'])") as process:
        output, _ = process.communicate(timeout=30)
    assert reason in output
    assert process.returncode == 0


def test_a_command_that_is_not_there() -> None:
    with run("/nowhere", "/nowhere/command") as process:
        process.communicate(timeout=30)
    assert process.returncode == 127


def test_nothing_stays_open_after_a_failure(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="No such file"):
        connect(str(tmp_path / "nobody"))
    assert len(os.listdir("/proc/self/fd")) == before
