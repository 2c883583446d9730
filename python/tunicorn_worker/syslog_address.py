"""Where syslog listens, as the setting syslog_addr says it, and the numbers of its facilities (RFC 5424 §6.2.1)."""

from __future__ import annotations

import socket

SYSLOG_PORT = 514

SYSLOG_FACILITIES = {
    "auth": 4,
    "authpriv": 10,
    "cron": 9,
    "daemon": 3,
    "ftp": 11,
    "kern": 0,
    "lpr": 6,
    "mail": 2,
    "news": 7,
    "security": 4,
    "syslog": 5,
    "user": 1,
    "uucp": 8,
    **{f"local{number}": 16 + number for number in range(8)},
}
"""By the name in the setting syslog_facility."""


def find_facility(name: str) -> int:
    """Raises RuntimeError with Gunicorn's text."""
    try:
        return SYSLOG_FACILITIES[name.lower()]
    except KeyError:
        raise RuntimeError("unknown facility name") from None


def parse_syslog_address(addr: str) -> tuple[socket.SocketKind | None, str | tuple[str, int]]:
    """Read ``"unix:///dev/log#dgram"``, ``"udp://[::1]:514"``, ``"tcp://loghost"``.

    Returns the type of the socket (None: that of the unix socket that is there) and the address.

    Raises RuntimeError with Gunicorn's text.
    """
    if addr.startswith("unix://"):
        path, _, kind = addr.partition("#")
        return socket.SOCK_DGRAM if kind == "dgram" else None, path.removeprefix("unix://")
    if addr.startswith("udp://"):
        kind_of_socket = socket.SOCK_DGRAM
    elif addr.startswith("tcp://"):
        kind_of_socket = socket.SOCK_STREAM
    else:
        raise RuntimeError("invalid syslog address")
    rest = addr.partition("://")[2]
    if "[" in rest and "]" in rest:
        host, _, after = rest.partition("]")
        host = host[1:]
    else:
        host, colon, after = rest.partition(":")
        after = colon + after
    port = after.partition(":")[2] if ":" in after else str(SYSLOG_PORT)
    if not port.isdigit():
        raise RuntimeError(f"{port!r} is not a valid port number.")
    return kind_of_socket, (host.lower() or "localhost", int(port))
