"""What hooks are called with: `worker`, `server`, `req` and `resp`, with the attributes that Gunicorn's have."""

from __future__ import annotations

import marshal
import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from tunicorn_worker.config import Config
    from tunicorn_worker.server_log import ServerLog
    from tunicorn_worker.start_response import ExcInfo, Response

UNPREFIXED_FIELDS = ("CONTENT_TYPE", "CONTENT_LENGTH")
"""Request fields that are in the environ without ``HTTP_`` (PEP 3333)."""


class HookWorker:
    """A worker process, as its hooks see it.

    age: the worker's number; nr: requests that it has begun, when a hook of requests is set
    """

    SIGNALS = (
        signal.SIGABRT,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGWINCH,
        signal.SIGCHLD,
    )

    def __init__(self, number: int, config: Config, log: ServerLog, pid: int | str | None = None) -> None:
        """pid: None for this process; before its fork, in the master, it is the text `[booting]`."""
        self.age = number
        self.pid: int | str = os.getpid() if pid is None else pid
        self.ppid = config.master_pid
        self.cfg = config
        self.log = log
        self.timeout = config.timeout / 2
        """Half of the setting: Gunicorn's workers are made with that."""
        self.sockets: list[Any] = []
        """The gateway has them."""
        self.app = HookApp(config)
        self._kept_as = "asgi" if config.worker_kind == "asgi" else "wsgi"
        """Gunicorn's name for the application: `worker.asgi`, `worker.wsgi`."""
        self.nr = 0
        self.max_requests = config.max_requests or sys.maxsize
        self.alive = True
        self.aborted = False
        self.booted = False
        self.reloader = None
        self.PIPE: list[int] = []
        self.wait_fds: list[Any] = []
        self._first = frozenset((*vars(self), self._kept_as))

    @property
    def application(self) -> Any:
        """What is served: a hook may have put a wrapper in its place."""
        return getattr(self, self._kept_as)

    @application.setter
    def application(self, loaded: Any) -> None:
        self.app.callable = loaded
        setattr(self, self._kept_as, loaded)

    def start(self, log: ServerLog) -> None:
        """In the worker's process, forked from one where it was made."""
        self.pid = os.getpid()
        self.log = log

    def left(self) -> dict[str, Any]:
        """What hooks have added to it."""
        return {name: value for name, value in vars(self).items() if name not in self._first and name != "_first"}

    def notes(self) -> str:
        """What hooks have added that is plain data, for a process that is forked elsewhere. All else stays behind."""
        notes = {}
        for name, value in self.left().items():
            try:
                marshal.dumps(value)
            except ValueError:
                continue
            notes[name] = value
        return marshal.dumps(notes).hex()

    def take_notes(self, notes: str | None) -> None:
        if notes is not None:
            vars(self).update(marshal.loads(bytes.fromhex(notes)))

    def __str__(self) -> str:
        return f"<Worker {self.pid}>"

    def notify(self) -> None:
        """Nothing to do: the worker shows by itself that it lives."""


class HookApp:
    """What `worker.app` is: the application by name and, once it is loaded, itself."""

    def __init__(self, config: Config) -> None:
        self.cfg = config
        self.app_uri = config.app
        self.callable: Any = None

    def wsgi(self) -> Any:
        return self.callable


class HookRequest:
    """A request.

    headers: ``[("HOST", "example.org")]``; those that were sent several times are joined by a comma
    path: not decoded, ``"/caf%C3%A9"``; version: ``(1, 1)``
    remote_addr, peer_addr: ``("127.0.0.1", 51234)``, ``""`` for a client of a UNIX socket
    """

    def __init__(self, environ: dict[str, Any], config: Config) -> None:
        self._environ = environ
        self.cfg = config
        self.method: str = environ["REQUEST_METHOD"]
        self.uri: str = environ["RAW_URI"]
        self.query: str = environ["QUERY_STRING"]
        self.path, self.fragment = split_target(self.uri)
        major, _, minor = environ["SERVER_PROTOCOL"].partition("/")[2].partition(".")
        self.version = (int(major), int(minor or 0))
        self.scheme: str = environ["wsgi.url_scheme"]
        address = environ["REMOTE_ADDR"]
        self.remote_addr: Any = (address, int(environ.get("REMOTE_PORT") or 0)) if address else ""
        self.peer_addr = self.remote_addr
        self.body = environ["wsgi.input"]
        self.trailers: list[tuple[str, str]] = []
        self.proxy_protocol_info = None
        self.req_number = 1
        self.unreader = None

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [
            (name.removeprefix("HTTP_").replace("_", "-"), value)
            for name, value in self._environ.items()
            if name.startswith("HTTP_") or name in UNPREFIXED_FIELDS
        ]

    def should_close(self) -> bool:
        """Whether the client wants the connection closed after this request."""
        options = {option.strip().lower() for option in self._environ.get("HTTP_CONNECTION", "").split(",")}
        return "close" in options or (self.version <= (1, 0) and "keep-alive" not in options)


def split_target(uri: str) -> tuple[str, str]:
    """Split ``"http://h/a?b#c"`` into path and fragment: ``("/a", "c")``."""
    rest, _, fragment = uri.partition("#")
    path = rest.partition("?")[0]
    if "://" in path and not path.startswith("/"):
        path = path.partition("://")[2]
        path = path[path.index("/") :] if "/" in path else ""
    return path, fragment


class HookResponse:
    """A response. What the application gave to `start_response`, and what of it has left."""

    def __init__(self, request: HookRequest, response: Response, config: Config) -> None:
        self.req = request
        self.cfg = config
        self._response = response
        self.status: str | None = None
        self.headers: list[tuple[str, str]] = []
        self.upgrade = False
        self.must_close = False
        self.sock = None

    def start_response(
        self, status: str, headers: Iterable[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        """Stands before the response's own."""
        fields = list(headers)
        write = self._response.start_response(status, fields, exc_info)
        self.status, self.headers = status, fields
        return write

    @property
    def status_code(self) -> int | None:
        return None if self.status is None else int(self.status[:3])

    @property
    def response_length(self) -> int | None:
        return None if self.status is None else self._response.content_length

    @property
    def sent(self) -> int:
        return self._response.sent

    @property
    def headers_sent(self) -> bool:
        return self._response.state != 0

    @property
    def chunked(self) -> bool:
        return self.response_length is None and self.req.version >= (1, 1) and self.req.method != "HEAD"
