"""What systemd does for a service, as far as the tests need it.

``listen ADDRESS``: receives notifications at a path or ``@name``; writes ``{"pid": sender, "text": ...}`` lines.
``run SOCKETS COMMAND...``: makes listening sockets and becomes the command, which finds them at 3, 4, ... and is told
so. SOCKETS is a JSON list: ``["tcp", "unix:/path"]``, or ``[]`` for none.
``pass NUMBER COMMAND...``: the command finds one listening socket at this descriptor, and is not told.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import sys

FIRST = 3
HIGH = 100
CREDENTIALS = struct.Struct("iII")


def listen(address: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        sock.bind("\0" + address[1:] if address[0] == "@" else address)
        print(json.dumps({"pid": os.getpid(), "text": "listening"}), flush=True)
        while True:
            data, ancillary, _, _ = sock.recvmsg(65536, socket.CMSG_SPACE(CREDENTIALS.size))
            pid = CREDENTIALS.unpack(ancillary[0][2])[0]
            print(json.dumps({"pid": pid, "text": data.decode()}), flush=True)


def make(address: str) -> int:
    """Makes one listening socket, as systemd: blocking, and at no number that is to be used."""
    unix = address.startswith("unix:")
    sock = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
    sock.bind(address.removeprefix("unix:") if unix else ("127.0.0.1", 0))
    sock.listen(128)
    number = fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD_CLOEXEC, HIGH)
    sock.close()
    return number


def become(command: list[str]) -> None:
    os.execvp(command[0], command)


def main() -> None:
    what, argument, *command = sys.argv[1:]
    if what == "listen":
        listen(argument)
    elif what == "run":
        made = [make(address) for address in json.loads(argument)]
        for index, number in enumerate(made):
            os.dup2(number, FIRST + index)
        if made:
            os.environ["LISTEN_FDS"] = str(len(made))
            os.environ["LISTEN_PID"] = str(os.getpid())
            os.environ["LISTEN_FDNAMES"] = ":".join(f"socket{index}" for index in range(len(made)))
        if "WATCHDOG_USEC" in os.environ:
            os.environ["WATCHDOG_PID"] = str(os.getpid())
        become(command)
    elif what == "pass":
        os.dup2(make("tcp"), int(argument))
        become(command)


main()
