"""`... statsd ADDRESS`: sends each line of its standard input as a datagram.

For the gateway: Node knows no unix datagrams, and needs fifteen times as long for one of UDP as for a line in a pipe.
"""

from __future__ import annotations

import json
import os
import signal

from tunicorn_worker.statsd import DatagramSender

READ_BYTES = 65536
LINE_BYTES_MAX = 65536
"""More than fits into a datagram: such a line comes from nobody who knows what he does."""


def run_forwarder(address: str) -> int:
    """Serves until the end of its input, whatever signals the group gets: the gateway, too, finishes what it has.

    address: as JSON, ``"/run/statsd.sock"`` in quotes or ``["127.0.0.1", 8125]``. Of an error one line goes to
    standard output.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    target = json.loads(address)
    sender = DatagramSender(target if isinstance(target, str) else (str(target[0]), int(target[1])))
    rest = b""
    while data := os.read(0, READ_BYTES):
        *lines, rest = (rest + data).split(b"\n")
        if len(rest) > LINE_BYTES_MAX:
            rest = b""
        for line in lines:
            error = sender.send(line)
            if error is not None:
                tell(f"{error}\n")
    return 0


def tell(text: str) -> None:
    try:
        os.write(1, text.encode())
    except OSError:
        pass  # Nobody listens any more: the end of the input follows.
