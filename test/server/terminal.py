"""Runs a command in a pseudo-terminal of its own, presses Ctrl-C there on SIGUSR2, and ends with its status."""

from __future__ import annotations

import os
import pty
import signal
import sys


def main() -> int:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[1], sys.argv[1:])
    signal.signal(signal.SIGUSR2, lambda *_: os.write(terminal, b"\x03") and None)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
    while True:
        try:
            output = os.read(terminal, 65536)
        except OSError:  # the last process of the terminal has gone
            break
        os.write(1, output.replace(b"\r\n", b"\n"))
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
