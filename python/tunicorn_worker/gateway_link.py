"""The gateway, seen from the nursery: its process, the channel to it, and the ticket pipe and slot memory that
workers share with it.
"""

from __future__ import annotations

import array
import os
import socket
import sys

from tunicorn_worker.descriptors import Descriptor
from tunicorn_worker.gateway_process import make_tickets
from tunicorn_worker.node_ipc import NodeChannel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from tunicorn_worker.children import WorkerChild
    from tunicorn_worker.descriptors import Holdings
    from tunicorn_worker.gateway_process import GatewayProcess
    from tunicorn_worker.listeners import Listener

PARKED = b"P"
"""The byte that carries the parked descriptors: a message without data carries none."""


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
        return cls(*make_tickets())

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
    """The way to one gateway; replaced as a whole when another one is started in its place."""

    def __init__(self, index: int, pid: int | None, channel: NodeChannel | None, tickets: TicketLink | None) -> None:
        """index: its place. All else may be missing while it is being adopted."""
        self.index = index
        self.pid = pid
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
        """Gives a worker and the gateway a channel of their own for each lane. A link that is not complete (adoption
        under way) waits.
        """
        if self.channel is None or self.tickets is None:
            return
        shared = [self.tickets.ticket_reader.fileno(), self.tickets.slots.fileno()]
        for lane in range(worker.lanes):
            near, far = socket.socketpair()
            with near, far:
                if lane == 0:
                    link = {"cmd": "link", "index": self.index, "gateway": self.pid}
                    worker.channel.send(link, [near.fileno(), *shared])
                else:
                    worker.channel.send({"cmd": "lane", "index": self.index, "lane": lane}, [near.fileno()])
                message = {
                    "cmd": "worker",
                    "worker": worker.number,
                    "pid": worker.pid,
                    "lane": lane,
                    "way": worker.way,
                    "generation": worker.generation,
                }
                self.channel.send(message, far.fileno())

    def hand_over(self, way: str, stream: int, descriptor: int) -> None:
        """Passes on the end of a client's connection that an application has taken over. It stays the caller's."""
        if self.channel is not None:
            self.channel.send({"cmd": "taken", "stream": stream, "way": way}, descriptor)

    def close(self, holdings: Holdings) -> None:
        for part in (self.channel, self.tickets):
            if part is not None:
                holdings.drop(part)


def take_over(index: int, process: GatewayProcess, holdings: Holdings) -> GatewayLink:
    """The way to a gateway that was started. Its descriptors are held from now on, but for the control socket."""
    tickets = holdings.hold(TicketLink(process.ticket_reader, process.ticket_writer, process.slots))
    return GatewayLink(index, process.pid, holdings.hold(NodeChannel(process.channel)), tickets)
