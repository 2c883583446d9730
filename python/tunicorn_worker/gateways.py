"""All gateways, seen from the nursery: started, adopted, given listeners and channels to the workers."""

from __future__ import annotations

import os
import signal
import socket

from tunicorn_worker.gateway_link import GatewayLink, TicketLink, take_over
from tunicorn_worker.gateway_process import schedule_gateway, spawn_gateway
from tunicorn_worker.node_ipc import NodeChannel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tunicorn_worker.children import WorkerChild
    from tunicorn_worker.descriptors import Holdings
    from tunicorn_worker.gateway_process import GatewayProcess
    from tunicorn_worker.line_channel import Message
    from tunicorn_worker.listeners import Listener
    from tunicorn_worker.master_log import MasterLog
    from tunicorn_worker.node_ipc import Say
    from tunicorn_worker.poller import Poller


class Gateways:
    """The gateways of now, by their index: 0, 1, ... One that is started takes the place of its predecessor."""

    def __init__(
        self, poller: Poller, holdings: Holdings, say: Say, log: MasterLog, early: GatewayProcess | None
    ) -> None:
        """log: takes what gateways have to log, where a Python logger writes. early: one that was started already; the
        first `start` takes it.
        """
        self._log = log
        self._poller = poller
        self._holdings = holdings
        self._say = say
        self._early = early
        self._links: dict[int, GatewayLink] = {}
        self._pids: set[int] = set()  # its own children: an adopted gateway is not reaped here

    def start(
        self,
        command: Message,
        environment: Mapping[str, str],
        listeners: Iterable[Listener],
        workers: Iterable[WorkerChild],
    ) -> None:
        """Carries out the command `gateway`. Raises OSError."""
        index = int(command["gateway"])
        self._drop(index)
        process, self._early = self._early, None
        if process is None:
            variables = {**environment, **command["env"]}
            process = spawn_gateway([command["node"], *command["flags"], command["program"]], variables)
        link = take_over(index, process, self._holdings)
        self._pids.add(process.pid)
        self._take(link)
        if not command.get("hold"):
            link.listen(listeners)
        with process.control:
            self._park(link)
            self._say("gateway", process.control.fileno(), gateway=index, pid=process.pid)
        for worker in workers:
            link.link(worker)

    def refuse(self) -> None:
        """Every worker is a direct one: a gateway that was started before this was known goes, before any listener."""
        for index in list(self._links):
            self._drop(index)
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)

    def listen(self, listeners: Iterable[Listener], index: int | None = None) -> None:
        """Sends the listening sockets, to all gateways or to one, if it is there."""
        everything = list(listeners)
        for link in self._links.values():
            if index is None or link.index == index:
                link.listen(everything)

    def link(self, worker: WorkerChild) -> None:
        """Gives a worker channels to every gateway."""
        for link in self._links.values():
            link.link(worker)

    def hand_over(self, way: str, gateway: int, stream: int, descriptor: int) -> None:
        """Passes on the end of a client's connection that an application has taken over. Closes it.

        gateway: the pid of the one whose stream it is; when that has gone, the application sees an end
        """
        with socket.socket(fileno=descriptor) as end:
            for link in self._links.values():
                if link.pid == gateway:
                    link.hand_over(way, stream, end.fileno())

    def reaped(self, pid: int) -> bool:
        """A child has ended. Returns whether it was a gateway."""
        if pid not in self._pids:
            return False
        self._pids.remove(pid)
        return True

    # Taking over from a nursery that is gone

    def adopt_channel(self, index: int, pid: int, descriptor: int) -> None:
        channel = self._holdings.hold(NodeChannel(socket.socket(fileno=descriptor)))
        self._take(GatewayLink(index, pid, channel, self._tickets(index)))

    def adopt_tickets(self, index: int, descriptor: int) -> None:
        tickets = self._holdings.hold(TicketLink.from_parking(descriptor))
        known = self._links.get(index)
        pid, channel = (None, None) if known is None else (known.pid, known.channel)
        self._links[index] = GatewayLink(index, pid, channel, tickets)

    def park(self) -> None:
        """Leaves with the arbiter what a nursery after this one needs to go on with the gateways of now."""
        for link in self._links.values():
            self._park(link)

    def _tickets(self, index: int) -> TicketLink | None:
        known = self._links.get(index)
        return None if known is None else known.tickets

    def _park(self, link: GatewayLink) -> None:
        if link.channel is not None:
            self._say("gateway-channel", link.channel.fileno(), gateway=link.index, pid=link.pid)
        if link.tickets is not None:
            with link.tickets.park() as parking:
                self._say("parked", parking.fileno(), gateway=link.index)

    def _take(self, link: GatewayLink) -> None:
        """Uses a gateway from now on, and hears what it says."""
        pid, channel = link.pid, link.channel
        self._links[link.index] = link
        if pid is not None and channel is not None:
            self._poller.watch_channel(channel, lambda: self._hear(pid, channel))

    def _drop(self, index: int) -> None:
        link = self._links.pop(index, None)
        if link is None:
            return
        if link.channel is not None:
            self._poller.forget(link.channel.fileno())
        link.close(self._holdings)

    def _hear(self, pid: int, channel: NodeChannel) -> None:
        """The gateway says how it wants to be scheduled, and what to log; its end is the arbiter's to act on."""
        for message, _ in channel.receive():
            event = message.get("ev")
            if event == "scheduling":
                schedule_gateway(pid, bulk=bool(message.get("bulk")))
            elif event == "log":
                self._log.write(message["level"], message["text"], pid)
            elif event == "access":
                self._log.access(message)
        if channel.ended:
            self._poller.forget(channel.fileno())
