"""The listening sockets. Node cannot bind safely (design.md §5), so the nursery does: umask, owner, stale unix
sockets, as Gunicorn.
"""

from __future__ import annotations

import errno
import os
import socket
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tunicorn_worker.line_channel import Message

ABSTRACT = "\0"
"""Names of Linux's abstract unix sockets begin so; they are no files."""


class BindError(Exception):
    """A socket could not be made. `errno_name`: ``"EADDRINUSE"``; the text is ``[Errno 98] Address already in use``."""

    def __init__(self, index: int, errno_name: str, text: str) -> None:
        super().__init__(text)
        self.index = index
        self.errno_name = errno_name


class Listener:
    """One listening socket. `address` is what it was asked for by, the index aside: a second bind of the same one
    keeps it.
    """

    def __init__(self, sock: socket.socket, address: Message) -> None:
        self.socket = sock
        self.index = int(address["index"])
        self.address = address_of(address.get("asked", address))

    @classmethod
    def adopted(cls, descriptor: int, address: Message) -> Listener:
        """Takes over a socket that already listens."""
        sock = socket.socket(fileno=descriptor)
        sock.set_inheritable(False)
        return cls(sock, address)

    def fileno(self) -> int:
        return self.socket.fileno()

    def close(self) -> None:
        self.socket.close()

    def describe(self) -> Message:
        """`{index, kind, host, port, path, inode}`: what the kernel says now, so that port 0 has become a number."""
        description: Message = {
            "index": self.index,
            "kind": "unix",
            "host": None,
            "port": None,
            "path": None,
            "inode": None,
        }
        name = self.socket.getsockname()
        if self.socket.family == socket.AF_UNIX:
            path = os.fsdecode(name)
            description["path"] = path
            if path and not path.startswith(ABSTRACT):
                description["inode"] = inode_of(path)
        else:
            description["kind"] = "tcp6" if self.socket.family == socket.AF_INET6 else "tcp"
            description["host"], description["port"] = name[:2]
        return description


class SocketOptions:
    """How new sockets are made.

    umask, uid, gid: who may use a unix socket: `umask` while it is bound, then user and group; -1 leaves those
    reuse_port: other processes may listen on the same TCP port
    """

    def __init__(self, umask: int = 0, uid: int = -1, gid: int = -1, *, reuse_port: bool = False) -> None:
        self.umask = umask
        self.uid = uid
        self.gid = gid
        self.reuse_port = reuse_port


def bind_all(
    addresses: Iterable[Message],
    backlog: int,
    options: SocketOptions,
    present: Sequence[Listener] = (),
    inherited: Mapping[int, int] | None = None,
) -> list[Listener]:
    """Binds and listens on every address, or on none.

    addresses: ``{"index": 0, "kind": "tcp", "host": "127.0.0.1", "port": 8000}``, see channels.md §1.
    present: what listens now; an address that is asked for again keeps its socket.
    inherited: the descriptors, here, of sockets that the master knows by another number

    Raises BindError, after what had been bound is closed again.
    """
    kept = {listener.address: listener.socket for listener in present}
    result: list[Listener] = []
    made: list[Listener] = []
    for address in addresses:
        try:
            sock = kept.get(address_of(address))
            if sock is None:
                sock = open_socket(address, backlog, options, inherited or {})
                made.append(Listener(sock, address))
            result.append(Listener(sock, address))
        except (OSError, OverflowError) as error:  # OverflowError: a port beyond 65535
            for listener in made:
                discard(listener)
            raise BindError(int(address["index"]), name_of_error(error), str(error)) from error
    return result


def open_socket(address: Message, backlog: int, options: SocketOptions, inherited: Mapping[int, int]) -> socket.socket:
    """Raises OSError."""
    kind = address["kind"]
    if kind == "fd":
        number = int(address["fd"])
        if number not in inherited:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        # A copy: after a failure of another address it is asked for again.
        sock = socket.socket(fileno=os.dup(inherited[number]))
    elif kind == "unix":
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    else:
        sock = socket.socket(socket.AF_INET6 if kind == "tcp6" else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if options.reuse_port and kind in ("tcp", "tcp6"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if kind == "unix":
            bind_unix(sock, address["path"], options)
        elif kind != "fd":
            sock.bind((address["host"], int(address["port"])))
        sock.setblocking(False)
        if not is_listening(sock):
            sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def bind_unix(sock: socket.socket, path: str, options: SocketOptions) -> None:
    """Raises OSError: EADDRINUSE when a process answers there (Gunicorn would take its place), ENOTSOCK when it is
    another kind of file.
    """
    if path.startswith(ABSTRACT):
        sock.bind(path)
        return
    remove_stale_socket(path)
    umask = os.umask(options.umask)
    try:
        sock.bind(path)
    finally:
        os.umask(umask)
    if (options.uid, options.gid) != (-1, -1):
        os.chown(path, options.uid, options.gid)


def remove_stale_socket(path: str) -> None:
    """Removes a unix socket that nobody listens on. Raises OSError when something else is there."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise NotASocket(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        refused = probe.connect_ex(path) == errno.ECONNREFUSED
    if not refused:
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    os.unlink(path)


class NotASocket(OSError):
    """A file that is no socket is where a unix socket should be made."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.ENOTSOCK, path)

    def __str__(self) -> str:
        return f"{self.strerror!r} is not a socket"


def is_listening(sock: socket.socket) -> bool:
    """Whether it listens already, as one inherited from systemd does: SELinux may refuse a second listen()."""
    option = getattr(socket, "SO_ACCEPTCONN", None)
    try:
        return option is not None and bool(sock.getsockopt(socket.SOL_SOCKET, option))
    except OSError:
        return False


def discard(listener: Listener) -> None:
    """Closes a socket that was bound in vain, and removes its file if it made one."""
    description = listener.describe()
    listener.close()
    if (
        listener.address[0] != "fd"
        and description["inode"] is not None
        and inode_of(description["path"]) == description["inode"]
    ):
        os.unlink(description["path"])


def address_of(address: Message) -> tuple[object, ...]:
    """An address as a key: all of it but its place in the list."""
    return tuple(address.get(field) for field in ("kind", "host", "port", "path", "fd"))


def inode_of(path: str) -> int | None:
    try:
        return os.stat(path).st_ino
    except OSError:
        return None


def name_of_error(error: OSError | OverflowError) -> str:
    """`EADDRINUSE`; for a host name that does not resolve `EAI_NONAME`."""
    if isinstance(error, OverflowError):
        return "EINVAL"
    if isinstance(error, socket.gaierror):
        return next(
            (name for name in dir(socket) if name.startswith("EAI_") and getattr(socket, name) == error.errno),
            "EAI_FAIL",
        )
    if error.errno is None:  # "AF_UNIX path too long" comes without a number
        return "ENAMETOOLONG"
    return errno.errorcode.get(error.errno, str(error.errno))
