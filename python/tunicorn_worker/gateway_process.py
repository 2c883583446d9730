"""Starts the gateway's process and makes what it shares with the workers: ticket pipe, slot memory, sockets.

The first gateway is started before the rest of the nursery is imported, so this module imports next to nothing.
"""

from __future__ import annotations

import os
import signal
import socket

# As in forking.py.
from os import fork

from tunicorn_worker.group_signals import reset_master_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import NoReturn

SLOT_MEMORY_BYTES = 4096 * 16384 + 65536 * 4
"""The slots and the entries behind them as wire.py has them, which a test compares."""
CANNOT_START_CODE = 127


class GatewayProcess:
    """A gateway that was started, and our ends of everything that leads to it.

    channel: Node's IPC channel; control: the arbiter's end of its control socket
    """

    def __init__(
        self,
        pid: int,
        channel: socket.socket,
        control: socket.socket,
        ticket_reader: int,
        ticket_writer: int,
        slots: int,
    ) -> None:
        self.pid = pid
        self.channel = channel
        self.control = control
        self.ticket_reader = ticket_reader
        self.ticket_writer = ticket_writer
        self.slots = slots


def spawn_gateway(command: Sequence[str], environment: Mapping[str, str]) -> GatewayProcess:
    """Starts the gateway in a session of its own.

    command: ``["node", "--flag", "gateway.cjs"]``; the numbers of its descriptors are appended.

    Raises OSError.
    """
    ticket_reader, ticket_writer, slots = make_tickets()
    channel, channel_theirs = socket.socketpair()
    control, control_theirs = socket.socketpair()
    with channel_theirs, control_theirs:
        numbers = [channel_theirs.fileno(), ticket_writer, slots, control_theirs.fileno()]
        names = ("--ticket-fd", "--slots-fd", "--control-fd")
        arguments = [*command]
        for name, number in zip(names, numbers[1:], strict=True):
            arguments += (name, str(number))
        variables = {**environment, "NODE_CHANNEL_FD": str(numbers[0]), "NODE_CHANNEL_SERIALIZATION_MODE": "json"}
        try:
            pid = fork()
        except OSError:
            for end in (channel, control):
                end.close()
            for descriptor in (ticket_reader, ticket_writer, slots):
                os.close(descriptor)
            raise
        if pid == 0:
            become_gateway(arguments, variables, numbers)
    return GatewayProcess(pid, channel, control, ticket_reader, ticket_writer, slots)


def become_gateway(arguments: Sequence[str], variables: Mapping[str, str], inherited: Iterable[int]) -> NoReturn:
    """In the forked child: everything that is not listed closes itself at the exec."""
    try:
        # Its own session: the terminal's Ctrl-C is the arbiter's business, which lets the gateway finish.
        os.setsid()
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        for number in inherited:
            os.set_inheritable(number, True)
        reset_master_signals()
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execvpe(arguments[0], list(arguments), dict(variables))
    except OSError as error:
        os.write(2, f"cannot start the gateway's program {arguments[0]!r}: {error.strerror}\n".encode())
    finally:
        os._exit(CANNOT_START_CODE)


def schedule_gateway(pid: int, *, bulk: bool) -> None:
    """Ask Linux not to let the gateway interrupt workers (bulk), or to run it promptly.

    Every answer of a worker wakes the gateway. On a machine whose processors are all busy it takes the worker's place
    at once, to do a few microseconds' work, twice for every request: with Flask that costs a fifth of the throughput
    [measured]. SCHED_BATCH gives up that preemption, and with it promptness: where some requests burn processor time,
    the others would wait for the end of a time slice [measured], so then it is not used.
    """
    if hasattr(os, "SCHED_BATCH"):
        try:
            os.sched_setscheduler(pid, os.SCHED_BATCH if bulk else os.SCHED_OTHER, os.sched_param(0))
        except OSError:
            pass  # It has gone, or a sandbox forbids it: that costs speed, nothing else.


def make_tickets() -> tuple[int, int, int]:
    """A new ticket pipe, both ends, and slot memory."""
    reader, writer = os.pipe()
    # Both ends are shared descriptions: several workers wake for one ticket, and the gateway must not block on a full
    # pipe.
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    return reader, writer, create_slot_memory()


def create_slot_memory() -> int:
    """A descriptor of memory for all slots: without a name, and with no page of it used yet."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("tunicorn-slots", os.MFD_CLOEXEC)
    else:
        import tempfile  # Only where there is no memfd: it costs more than all other imports here.

        descriptor, path = tempfile.mkstemp(prefix="tunicorn-slots-")
        os.unlink(path)
    os.ftruncate(descriptor, SLOT_MEMORY_BYTES)
    return descriptor
