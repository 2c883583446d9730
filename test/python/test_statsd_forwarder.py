from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from programs import PACKAGE

PROGRAM = str(Path(PACKAGE) / "tunicorn_worker" / "__main__.py")


def test_each_line_is_a_datagram_whatever_signals_come() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(20)
        address = json.dumps(sock.getsockname())
        with subprocess.Popen(
            [sys.executable, "-I", "-S", PROGRAM, "statsd", address], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as child:
            assert child.stdin is not None and child.stdout is not None
            os.write(child.stdin.fileno(), b"a:1|c\nb:2")
            assert sock.recv(100) == b"a:1|c"
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
                child.send_signal(number)
            os.write(child.stdin.fileno(), b"|g\n" + b"x" * 70_000)
            assert sock.recv(100) == b"b:2|g"
            os.write(child.stdin.fileno(), b"\nc:3|c\n")
            child.stdin.close()
            assert child.wait(20) == 0
        assert b"c:3|c" in [sock.recv(80_000) for _ in range(1)] + [drain(sock)]


def drain(sock: socket.socket) -> bytes:
    sock.setblocking(False)
    try:
        return sock.recv(80_000)
    except BlockingIOError:
        return b""


def test_errors_are_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        address = json.dumps(sock.getsockname())
    done = subprocess.run(
        [sys.executable, "-I", "-S", PROGRAM, "statsd", address], input=b"x\n" * 1000, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"[Errno 111] Connection refused\n")
    path = json.dumps(str(tmp_path / "none"))
    done = subprocess.run(
        [sys.executable, "-I", "-S", PROGRAM, "statsd", path], input=b"x\n" * 9, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
