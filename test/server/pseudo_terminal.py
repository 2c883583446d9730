"""Runs a command in a pseudo-terminal: `pseudo_terminal.py COLUMNS ROWS COMMAND...`.

What the command writes goes to standard output. Lines of JSON on standard input: {"keys": "q"}, {"size": [60, 12]},
{"signal": "TERM"}. On standard error, as JSON: {"stopped": true, "restored": ...} when it is stopped, and at its end
{"code": 0, "restored": ...}; restored: the terminal's modes are those of the beginning.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import struct
import sys
import termios

POLL_MS = 20
"""How often the command is asked whether it has ended."""


def main() -> int:
    columns, rows, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    near, far = os.openpty()
    resize(near, columns, rows)
    modes = termios.tcgetattr(far)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(far, termios.TIOCSCTTY, 0)
        for descriptor in range(3):
            os.dup2(far, descriptor)
        os.closerange(3, 64)
        os.execvp(command[0], command)

    def report(**facts: object) -> None:
        restored = termios.tcgetattr(far) == modes
        sys.stderr.write(json.dumps({**facts, "restored": restored}) + "\n")
        sys.stderr.flush()

    poll = select.poll()
    poll.register(near, select.POLLIN)
    poll.register(0, select.POLLIN)
    rest = b""
    while True:
        ready = {descriptor for descriptor, _ in poll.poll(POLL_MS)}
        if near in ready:
            os.write(1, os.read(near, 65536))
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                os.kill(pid, signal.SIGKILL)
                poll.unregister(0)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                obey(json.loads(line), near, pid)
        ended, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
        if not ended:
            continue
        if os.WIFSTOPPED(status):
            report(stopped=True)
            continue
        while select.select([near], [], [], 0)[0]:
            os.write(1, os.read(near, 65536))
        report(code=os.waitstatus_to_exitcode(status))
        return 0


def obey(order: dict[str, object], terminal: int, pid: int) -> None:
    if "keys" in order:
        os.write(terminal, str(order["keys"]).encode())
    elif isinstance(order.get("size"), list):
        resize(terminal, *order["size"])  # type: ignore[misc]
    else:
        os.kill(pid, getattr(signal, f"SIG{order['signal']}"))


def resize(terminal: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


if __name__ == "__main__":
    sys.exit(main())
