"""statsD's protocol, with Gunicorn's names and types: one datagram for each metric."""

from __future__ import annotations

import logging
import re
import socket
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tunicorn_worker.config import Config
    from tunicorn_worker.loggers import Loggers

    Address = str | tuple[str, int]

RETRY_S = 5.0
"""After a failure a new connection is tried this often: an agent that is restarted has another socket."""
COMPLAINT_S = 10.0
"""Between two lines about metrics that cannot be sent. There may be thousands of them in a second."""
COUNTED_LEVELS = {logging.WARNING: "warning", logging.ERROR: "error", logging.CRITICAL: "critical"}
UNCOUNTED = "_statsd_uncounted"
"""Attribute of records about metrics themselves, and of lines that their own process has counted."""


def connect(address: Address) -> socket.socket:
    """Return a datagram socket that is connected and never waits.

    address: a unix socket's path, or host and port; a host is an IPv6 address, or looked up as IPv4's

    Raises OSError.
    """
    sock = socket.socket(family_of(address), socket.SOCK_DGRAM)
    try:
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    # A receiver that does not keep up shall hold up nobody: what it does not take is lost, as on a network.
    sock.setblocking(False)
    return sock


def family_of(address: Address) -> socket.AddressFamily:
    if isinstance(address, str):
        return socket.AF_UNIX
    return socket.AF_INET6 if is_ipv6(address[0]) else socket.AF_INET


def is_ipv6(host: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6, host)
    except OSError:
        return False
    return True


class DatagramSender:
    """Sends datagrams to one address; connects by itself, again after failures."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._socket: socket.socket | None = None
        self._not_before = 0.0
        self._silent_until = 0.0

    def send(self, datagram: bytes) -> OSError | None:
        """Return an error that should be told: not each of them, and none of a connection, as Gunicorn."""
        if self._socket is None and not self._connect():
            return None
        try:
            self._socket.send(datagram)  # type: ignore[union-attr]
        except BlockingIOError:
            return None
        except OSError as error:
            self._on_failure()
            return error if self._may_complain() else None
        return None

    def _connect(self) -> bool:
        now = monotonic()
        if now < self._not_before:
            return False
        try:
            self._socket = connect(self._address)
        except OSError:
            self._not_before = now + RETRY_S
            return False
        return True

    def _on_failure(self) -> None:
        """A host and port may be reached again by the same socket; a unix socket that was made anew may not."""
        if isinstance(self._address, str):
            self.close()

    def _may_complain(self) -> bool:
        now = monotonic()
        if now < self._silent_until:
            return False
        self._silent_until = now + COMPLAINT_S
        return True

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Statsd:
    """The methods of Gunicorn's class that send metrics."""

    def __init__(self, address: Address, prefix: str = "", tags: str = "", *, tells: bool = True) -> None:
        """prefix: comes before every name, with one dot at its end; tags: ``"env:prod,zone:b"``, DogStatsD's
        tells: the log is warned of what cannot be sent
        """
        self._tells = tells
        self._sender = DatagramSender(address)
        self._prefix = re.sub(r"^(.+[^.]+)\.*$", "\\g<1>.", prefix)
        self._tags = tags

    def gauge(self, name: str, value: object) -> None:
        self._metric(f"{name}:{value}|g")

    def increment(self, name: str, value: object, sampling_rate: float = 1.0) -> None:
        self._metric(f"{name}:{value}|c|@{sampling_rate}")

    def decrement(self, name: str, value: object, sampling_rate: float = 1.0) -> None:
        self._metric(f"{name}:-{value}|c|@{sampling_rate}")

    def timer(self, name: str, value: object) -> None:
        self._metric(f"{name}:{value}|ms")

    def histogram(self, name: str, value: object) -> None:
        self._metric(f"{name}:{value}|h")

    def extra(self, extra: Mapping[str, Any]) -> None:
        """Send the metric that a log call carries: ``{"metric": "app.users", "value": 3, "mtype": "gauge"}``."""
        metric, value, kind = extra.get("metric"), extra.get("value"), extra.get("mtype")
        if not metric or value is None:
            return
        if kind == "gauge":
            self.gauge(metric, value)
        elif kind == "counter":
            self.increment(metric, value)
        elif kind == "histogram":
            self.histogram(metric, value)
        elif kind == "timer":
            self.timer(metric, value)

    def _metric(self, text: str) -> None:
        tags = f"|#{self._tags}" if self._tags else ""
        try:
            error: Exception | None = self._sender.send(f"{self._prefix}{text}{tags}".encode("ascii"))
        except UnicodeError as problem:
            error = problem
        if error is not None and self._tells:
            log = logging.getLogger("gunicorn.error")
            log.warning("Error sending message to statsd", exc_info=error, extra={UNCOUNTED: True})

    def send_whole(self, datagram: str) -> None:
        """Send what another process has formatted."""
        self._sender.send(datagram.encode("ascii", "replace"))


def make_statsd(config: Any, *, tells: bool = True) -> Statsd | None:
    """Return where the settings want metrics; None: nowhere. config: ours, or Gunicorn's"""
    if getattr(config, "statsd_host", None) is None:
        return None
    return Statsd(config.statsd_host, config.statsd_prefix or "", config.dogstatsd_tags or "", tells=tells)


def statsd_of(config: Config, *, tells: bool = True) -> Statsd | None:
    """The same for the whole server: a logger class of the user's does as it likes."""
    return None if config.has_logger_class else make_statsd(config, tells=tells)


class LineCounter(logging.Handler):
    """Counts the lines of the error log by their level: ``gunicorn.log.warning``."""

    def __init__(self, statsd: Statsd) -> None:
        super().__init__()
        self._statsd = statsd

    def emit(self, record: logging.LogRecord) -> None:
        name = COUNTED_LEVELS.get(record.levelno)
        if name is None or getattr(record, UNCOUNTED, False):
            return
        if record.exc_info and record.levelno == logging.ERROR:
            name = "exception"
        self._statsd.increment(f"gunicorn.log.{name}", 1)


def count_lines(loggers: Loggers, statsd: Statsd | None) -> None:
    """Have the lines of the error log counted, once, if metrics are wanted. To be called after each `set_up`."""
    log = logging.getLogger("gunicorn.error")
    # A worker has the nursery's from its fork, where a Python logger keeps its handlers.
    log.handlers = [handler for handler in log.handlers if not isinstance(handler, LineCounter)]
    if statsd is not None:
        loggers.add_error_handler(LineCounter(statsd))
