"""What the nursery listens on: bound at the start, changed by reloads, taken over from a nursery that is gone."""

from __future__ import annotations

from tunicorn_worker.descriptors import Descriptor
from tunicorn_worker.listeners import BindError, Listener, SocketOptions, bind_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tunicorn_worker.config import Config
    from tunicorn_worker.descriptors import Holdings
    from tunicorn_worker.line_channel import Message
    from tunicorn_worker.node_ipc import Say


class ListenerSet:
    """all: every listening socket, in the arbiter's order."""

    def __init__(self, holdings: Holdings, say: Say) -> None:
        self._holdings = holdings
        self._say = say
        self.all: list[Listener] = []
        self._own: int | None = None
        self._inherited: dict[int, Descriptor] = {}  # by the master's number of it

    @property
    def own(self) -> list[Listener]:
        """Without those that a reload is about to close."""
        return self.all[: self._own]

    def inherit(self, number: int, descriptor: int | None) -> None:
        """Keeps a socket that the master was started with, until a `bind` names it."""
        if descriptor is None:
            raise RuntimeError("inherit came without a descriptor")
        self._inherited[number] = self._holdings.hold(Descriptor(descriptor))

    def bind(self, command: Message, config: Config | None) -> bool:
        """Carries out `bind` and answers it: everything that is asked for listens then, and nothing else; or nothing
        has changed, and False is returned.
        """
        values = {} if config is None else config.values
        user, group = values.get("user"), values.get("group")
        options = SocketOptions(
            umask=int(values.get("umask") or 0),
            uid=user if isinstance(user, int) else -1,
            gid=group if isinstance(group, int) else -1,
            reuse_port=bool(values.get("reuse_port")),
        )
        try:
            inherited = {number: descriptor.fileno() for number, descriptor in self._inherited.items()}
            bound = bind_all(command["addresses"], int(command["backlog"]), options, self.all, inherited)
        except BindError as error:
            self._say("bind-failed", index=error.index, errno=error.errno_name, text=str(error))
            return False
        # Copies listen now; the kernel would go on accepting clients for these after the stop.
        for descriptor in self._inherited.values():
            self._holdings.drop(descriptor)
        self._inherited = {}
        kept = {listener.socket for listener in bound}
        for listener in self.all:
            if listener.socket not in kept:
                self._holdings.drop(listener.socket)
        self.all = bound
        self._own = int(command["own"])
        for listener in bound:
            self._holdings.hold(listener.socket)
            self._say("listening", listener.fileno(), **listener.describe())
        self._say("bound")
        return True

    def adopt(self, descriptor: int, command: Message) -> None:
        """One that the arbiter kept."""
        listener = Listener.adopted(descriptor, command)
        self._holdings.hold(listener.socket)
        self.all.append(listener)

    def close(self) -> None:
        for listener in self.all:
            self._holdings.drop(listener.socket)
        self.all = []
        self._say("unlistened")
