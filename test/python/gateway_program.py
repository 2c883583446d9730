"""A stand-in for the gateway's program: reports on its control socket what it was started with and what the nursery
sends it; what it is told there it says to the nursery, one message at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import socket
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[2] / "python")

from tunicorn_worker.node_ipc import NodeChannel  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("ticket", "slots", "control"):
        parser.add_argument(f"--{name}-fd", type=int, required=True)
    options = parser.parse_args()
    nursery = NodeChannel.from_environment()
    control = socket.socket(fileno=options.control_fd)

    def report(**fields: object) -> None:
        control.sendall(json.dumps(fields).encode() + b"\n")

    report(
        cmd="up",
        session=os.getsid(0),
        slot_bytes=os.fstat(options.slots_fd).st_size,
        ticket_pipe=os.readlink(f"/proc/self/fd/{options.ticket_fd}"),
        stdin=os.readlink("/proc/self/fd/0"),
        descriptors=sorted(int(name) for name in os.listdir("/proc/self/fd")),
        expected=sorted([nursery.fileno(), options.ticket_fd, options.slots_fd, options.control_fd]),
        environment=dict(os.environ),
    )
    kept: list[socket.socket] = []
    watched: list[NodeChannel | socket.socket] = [nursery, control]
    while True:
        readable, _, _ = select.select(watched, [], [])
        if control in readable:
            said = control.recv(4096)
            if not said:
                return
            nursery.send(json.loads(said))
        if nursery in readable:
            for message, descriptor in nursery.receive():
                if descriptor is None:
                    report(**message)
                    continue
                received = socket.socket(fileno=descriptor)
                kept.append(received)
                if message["cmd"] == "worker":
                    # The first frame of a worker that is ready: READY with its number (channels.md §6).
                    received.settimeout(30)
                    report(**message, frame=received.recv(20, socket.MSG_WAITALL).hex())
                else:
                    report(**message, name=received.getsockname())
            if nursery.ended:
                watched.remove(nursery)


if __name__ == "__main__":
    main()
