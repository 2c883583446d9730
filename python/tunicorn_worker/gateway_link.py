"""The gateway, seen from the nursery: its process, the channel to it, and the ticket pipe and slot memory that
workers share with it.
"""

from __future__ import annotations

import array
import os
import signal
import socket
import sys

from tunicorn_worker.descriptors import Descriptor
from tunicorn_worker.group_signals import reset_master_signals
from tunicorn_worker.node_ipc import NodeChannel
from tunicorn_worker.wire import SLOT_BYTES, SLOT_COUNT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import NoReturn

    from tunicorn_worker.children import WorkerChild
    from tunicorn_worker.descriptors import Holdings
    from tunicorn_worker.listeners import Listener

PARKED = b"P"
"""The byte that carries the parked descriptors: a message without data carries none."""
CANNOT_START_CODE = 127


class TicketLink:
    """One incarnation's ticket pipe and slot memory. A gateway never gets its predecessor's: stale tickets have no
    reader then.
    """

    def __init__(self, ticket_reader: int, ticket_writer: int, slots: int) -> None:
        self.ticket_reader = Descriptor(ticket_reader)
        self.ticket_writer = Descriptor(ticket_writer)
        self.slots = Descriptor(slots)

    @classmethod
    def create(cls) -> TicketLink:
        reader, writer = os.pipe()
        # Both ends are shared descriptions: several workers wake for one ticket, and the gateway must not block on a
        # full pipe.
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        return cls(reader, writer, create_slot_memory())

    @classmethod
    def from_parking(cls, descriptor: int) -> TicketLink:
        """Takes what a nursery before this one had parked. Closes the socket. Raises OSError when nothing is in it."""
        # Linux copies what it shows to a peek, so that the arbiter's copy still has it, should this nursery die
        # before it has parked anew.
        peek = socket.MSG_PEEK if sys.platform == "linux" else 0
        with socket.socket(fileno=descriptor) as parking:
            _, ancillary, _, _ = parking.recvmsg(1, socket.CMSG_SPACE(3 * 4), socket.MSG_DONTWAIT | peek)
        received = array.array("i")
        for _, _, payload in ancillary:
            received.frombytes(payload)
        if len(received) != 3:
            raise OSError(f"{len(received)} descriptors were parked, not 3")
        for number in received:
            os.set_inheritable(number, False)
        return cls(*received)

    def park(self) -> socket.socket:
        """A socket whose queue holds the three descriptors, for the arbiter to keep: Node itself can carry sockets
        only.
        """
        near, far = socket.socketpair()
        with near:
            rights = array.array("i", [self.ticket_reader.fileno(), self.ticket_writer.fileno(), self.slots.fileno()])
            near.sendmsg([PARKED], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        return far

    def close(self) -> None:
        self.ticket_reader.close()
        self.ticket_writer.close()
        self.slots.close()


class GatewayLink:
    """The way to the gateway of now; replaced as a whole when another one is started."""

    def __init__(self, channel: NodeChannel | None, tickets: TicketLink | None) -> None:
        """Either may be missing: before the first gateway, and while it is being adopted."""
        self.channel = channel
        self.tickets = tickets

    def listen(self, listeners: Iterable[Listener]) -> None:
        """Sends every listening socket; the gateway starts accepting at once."""
        if self.channel is None:
            return
        everything = list(listeners)
        for listener in everything:
            self.channel.send({"cmd": "listen", "count": len(everything), **listener.describe()}, listener.fileno())

    def link(self, worker: WorkerChild) -> None:
        """Gives a worker and the gateway a channel of their own. A link that is not complete (adoption under way)
        waits.
        """
        if self.channel is None or self.tickets is None:
            return
        near, far = socket.socketpair()
        with near, far:
            worker.channel.send(
                {"cmd": "link"}, [near.fileno(), self.tickets.ticket_reader.fileno(), self.tickets.slots.fileno()]
            )
            self.channel.send({"cmd": "worker", "worker": worker.number, "pid": worker.pid}, far.fileno())

    def close(self, holdings: Holdings) -> None:
        for part in (self.channel, self.tickets):
            if part is not None:
                holdings.drop(part)


def start_gateway(
    command: Sequence[str], environment: Mapping[str, str], holdings: Holdings
) -> tuple[GatewayLink, int, socket.socket]:
    """Starts the gateway's process in a session of its own.

    command: ``["node", "--flag", "gateway.js"]``; the numbers of its descriptors are appended.

    Returns the way to it, held; its pid; and the arbiter's end of its control socket, which the caller sends there
    and closes.
    Raises OSError.
    """
    tickets = holdings.hold(TicketLink.create())
    ours, theirs = socket.socketpair()
    channel = holdings.hold(NodeChannel(ours))
    control, control_theirs = socket.socketpair()
    with theirs, control_theirs:
        numbers = [theirs.fileno(), tickets.ticket_writer.fileno(), tickets.slots.fileno(), control_theirs.fileno()]
        arguments = [
            *command,
            "--ticket-fd",
            str(numbers[1]),
            "--slots-fd",
            str(numbers[2]),
            "--control-fd",
            str(numbers[3]),
        ]
        variables = {**environment, "NODE_CHANNEL_FD": str(numbers[0]), "NODE_CHANNEL_SERIALIZATION_MODE": "json"}
        try:
            pid = os.fork()
        except OSError:
            holdings.drop(tickets)
            holdings.drop(channel)
            control.close()
            raise
        if pid == 0:
            become_gateway(arguments, variables, numbers)
    return GatewayLink(channel, tickets), pid, control


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


def create_slot_memory() -> int:
    """A descriptor of memory for all slots: without a name, and with no page of it used yet."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("tunicorn-slots", os.MFD_CLOEXEC)
    else:
        import tempfile  # not needed on Linux, and it brings in much

        descriptor, path = tempfile.mkstemp(prefix="tunicorn-slots-")
        os.unlink(path)
    os.ftruncate(descriptor, SLOT_COUNT * SLOT_BYTES)
    return descriptor
