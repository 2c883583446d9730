"""Says who is at the other end of a unix socket, which Node cannot ask."""

from __future__ import annotations

import os
import socket
import struct

STDIN = 0
CREDENTIALS = struct.Struct("=iII")
"""struct ucred of unix(7): pid, uid, gid."""


def print_peer() -> int:
    """Print the user id of the peer of the socket on standard input; returns the exit code."""
    with socket.socket(fileno=os.dup(STDIN)) as sock:
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    _, user, _ = CREDENTIALS.unpack(credentials)
    print(user, flush=True)
    return 0
