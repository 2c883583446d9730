"""Connects to the socket of the service manager (sd_notify(3)), which Node cannot, and becomes the master.

The pid stays the same through the exec: a service manager believes its main process only.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket

from tunicorn_worker.init import execute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

RESULT_VARIABLE = "TUNICORN_NOTIFY"
"""The number of the connected descriptor, or why there is none."""
FIRST_DESCRIPTOR = 3


def run_connected(command: Sequence[str]) -> NoReturn:
    """Becomes `command`, which finds in RESULT_VARIABLE what it can tell the service manager by."""
    try:
        os.environ[RESULT_VARIABLE] = str(connect(os.environ.get("NOTIFY_SOCKET", "")))
    except (OSError, ValueError) as error:
        os.environ[RESULT_VARIABLE] = str(error)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and the command would inherit that
    execute(command)
    raise AssertionError  # execute does not return


def connect(address: str) -> int:
    """Returns a datagram socket that is connected, does not block, and outlives an exec.

    address: ``"/run/systemd/notify"``; ``"@name"`` for one in Linux's abstract namespace

    Raises OSError, ValueError for another kind of address.
    """
    if address[:1] not in ("/", "@"):
        raise ValueError(f"NOTIFY_SOCKET is {address!r}, not the path of a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect("\0" + address[1:] if address[0] == "@" else address)
        except OSError as error:
            raise OSError(f"cannot connect to NOTIFY_SOCKET {address!r}: {error.strerror or error}") from error
        sock.setblocking(False)
        # Where a standard stream is closed, the socket would have taken its number.
        return fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD, FIRST_DESCRIPTOR)
