"""What a direct worker class is made with, besides settings and log: its application and its sockets."""

from __future__ import annotations

import os
import socket

from tunicorn_worker.app_loader import load_application
from tunicorn_worker.app_pairs import require_direct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tunicorn_worker.config import Config
    from tunicorn_worker.line_channel import Message


class DirectApplication:
    """``worker.app``, with the attributes of Gunicorn's Application that worker classes use.

    callable: the application, once it is loaded; cfg: a ``gunicorn.config.Config``
    """

    def __init__(self, config: Config, gunicorn_config: Any, worker_class: type, preloaded: object | None) -> None:
        self.cfg = gunicorn_config
        self.callable: Any = None
        self._config = config
        self._worker_class = worker_class
        self._preloaded = preloaded

    def wsgi(self) -> Any:
        """The application, loaded at the first call. Raises as `load_application`, and AppImportError for a wrong
        pair.
        """
        if self.callable is None:
            self.callable = self.load()
        return self.callable

    def load(self) -> Any:
        application = load_application(self._config) if self._preloaded is None else self._preloaded
        require_direct(application, self._worker_class, class_name(self._config))
        return application


class ListeningSocket(socket.socket):
    """One of ``worker.sockets``: a socket, with the attributes that Gunicorn's objects around one have besides.

    cfg_addr: ``("127.0.0.1", 8000)``, or the path of a UNIX socket
    """

    cfg_addr: Any = None

    @property
    def sock(self) -> ListeningSocket:
        return self

    def __str__(self) -> str:
        if self.family == socket.AF_UNIX:
            return f"unix:{os.fsdecode(self.cfg_addr)}"
        host, port = self.getsockname()[:2]
        return f"http://[{host}]:{port}" if self.family == socket.AF_INET6 else f"http://{host}:{port}"


def take_listener(descriptor: int, address: Message) -> ListeningSocket:
    """Take over a listening socket of the nursery's; like Gunicorn's, it does not block.

    address: as the nursery describes it: ``{"kind": "tcp", "host": "127.0.0.1", "port": 8000, "path": None}``
    """
    listener = ListeningSocket(fileno=descriptor)
    listener.setblocking(False)
    listener.set_inheritable(False)
    listener.cfg_addr = address["path"] if address["kind"] == "unix" else (address["host"], address["port"])
    return listener


def class_name(config: Config) -> str:
    """The class as the user named it: ``"tornado"``, ``"package.Class"``; of a class object its name."""
    name = config.worker_class
    return name if isinstance(name, str) else str(getattr(name, "__name__", name))
