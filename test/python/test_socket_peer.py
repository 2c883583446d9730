from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

PROGRAM = str(Path(__file__).parents[2] / "python" / "tunicorn_worker" / "__main__.py")


def test_prints_the_user_at_the_other_end() -> None:
    here, there = socket.socketpair()
    with here, there:
        command = [sys.executable, "-IS", PROGRAM, "peer"]
        ran = subprocess.run(command, stdin=here, capture_output=True, text=True, timeout=60, check=False)
        assert (ran.stdout, ran.returncode) == (f"{os.geteuid()}\n", 0)
        there.sendall(b"still there")
        assert here.recv(100) == b"still there"


def test_what_is_no_socket_is_an_error() -> None:
    command = [sys.executable, "-IS", PROGRAM, "peer"]
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode != 0
    assert ran.stdout == ""
