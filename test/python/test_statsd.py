"""Metrics, byte by byte against Gunicorn's class; addresses, and receivers that are not there."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fake_gateway import make_config
from tunicorn_worker import statsd
from tunicorn_worker.loggers import Loggers
from tunicorn_worker.statsd import DatagramSender, LineCounter, Statsd, count_lines, is_ipv6, statsd_of


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)
        yield sock


@pytest.fixture
def error_log() -> Iterator[Loggers]:
    loggers = Loggers()
    yield loggers
    for handler in list(loggers.error.handlers):
        loggers.error.removeHandler(handler)
        handler.close()


def receive(sock: socket.socket, count: int) -> list[bytes]:
    return [sock.recv(2000) for _ in range(count)]


class Sent:
    """In the place of a socket."""

    def __init__(self) -> None:
        self.datagrams: list[bytes] = []

    def send(self, datagram: bytes) -> None:
        self.datagrams.append(datagram)


def speak(log: Any) -> None:
    log.gauge("g", 3)
    log.gauge("g", 3.5)
    log.increment("c", 1)
    log.increment("c", 2, 0.25)
    log.decrement("c", 2)
    log.timer("t", 1.122)
    log.histogram("h", 0)


@pytest.mark.parametrize("prefix", ["", "app", "app.", "app...", "a.b", "a", "a.", ".", "..", "..a"])
@pytest.mark.parametrize("tags", ["", "env:prod,zone:b"])
def test_the_bytes_are_gunicorns(prefix: str, tags: str, receiver: socket.socket) -> None:
    from gunicorn.config import Config
    from gunicorn.instrument.statsd import Statsd as Reference

    config = Config()
    for name, value in {"statsd_host": "127.0.0.1:9", "statsd_prefix": prefix, "dogstatsd_tags": tags}.items():
        config.set(name, value)
    reference = Reference(config)
    reference.sock.close()
    reference.sock = sent = Sent()
    speak(reference)
    extras: list[dict[str, Any]] = [
        {"metric": "m", "value": 1, "mtype": kind} for kind in ("gauge", "counter", "histogram", "timer", "other", None)
    ]
    extras += [{"metric": "m", "value": 0, "mtype": "gauge"}, {"value": 1}, {"metric": "m", "mtype": "gauge"}, {}]
    for extra in extras:
        reference.log(logging.DEBUG, "", extra=extra)
    ours = Statsd(receiver.getsockname(), prefix, tags)
    speak(ours)
    for extra in extras:
        ours.extra(extra)
    assert receive(receiver, len(sent.datagrams)) == sent.datagrams


def test_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "statsd.sock")
    sender = DatagramSender(path)
    assert sender.send(b"nobody is there") is None
    for _ in range(2):
        # The agent is restarted: its socket is another one.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(path)
            sock.settimeout(10)
            sender._not_before = 0.0
            sender.send(b"to the one before")
            sender._not_before = 0.0
            sender.send(b"seen")
            assert sock.recv(100) in (b"to the one before", b"seen")
        Path(path).unlink()


def test_a_receiver_that_does_not_read_holds_up_nobody(tmp_path: Path) -> None:
    path = str(tmp_path / "statsd.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        sender = DatagramSender(path)
        assert [sender.send(b"x" * 1000) for _ in range(5000)] == [None] * 5000


def test_one_error_is_told_and_not_each(monkeypatch: pytest.MonkeyPatch, receiver: socket.socket) -> None:
    now = 100.0
    monkeypatch.setattr(statsd, "monotonic", lambda: now)
    address = receiver.getsockname()
    sender = DatagramSender(address)
    receiver.close()
    # The kernel tells with a later datagram that the one before has met a closed port.
    errors = [error for _ in range(50) if (error := sender.send(b"x")) is not None]
    assert [type(error) for error in errors] == [ConnectionRefusedError]
    now += 11
    errors = [error for _ in range(50) if (error := sender.send(b"x")) is not None]
    assert [type(error) for error in errors] == [ConnectionRefusedError]


def test_an_error_and_a_name_that_is_no_ascii_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Statsd(("127.0.0.1", 9), "naïve")
    metrics.gauge("g", 1)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "Error sending message to statsd")
    ]
    Statsd(("127.0.0.1", 9), "naïve", tells=False).gauge("g", 1)
    assert len(caplog.records) == 1


def test_only_gunicorns_own_classes_send(receiver: socket.socket) -> None:
    host = receiver.getsockname()
    assert statsd_of(make_config(statsd_host=None)) is None
    for name in ("gunicorn.glogging.Logger", "simple", "gunicorn.instrument.statsd.Statsd"):
        assert statsd_of(make_config(statsd_host=host, logger_class=name)) is not None
    for other in ("mine.Logger", object):
        assert statsd_of(make_config(statsd_host=host, logger_class=other)) is None


def test_lines_are_counted_by_level(receiver: socket.socket, error_log: Loggers) -> None:
    error_log.set_up(make_config(errorlog="/dev/null", loglevel="debug"))
    count_lines(error_log, None)
    count_lines(error_log, Statsd(receiver.getsockname()))
    error_log.error.debug("no")
    error_log.error.info("no")
    for level in ("warning", "error", "critical"):
        getattr(error_log.error, level)("yes")
    error_log.error.error("yes", exc_info=ValueError())
    error_log.error.warning("yes", exc_info=ValueError())
    names = ["warning", "error", "critical", "exception", "warning"]
    assert receive(receiver, 5) == [f"gunicorn.log.{name}:1|c|@1.0".encode() for name in names]
    # A Python logger keeps its handlers over a fork, which sets up again.
    count_lines(error_log, Statsd(receiver.getsockname()))
    error_log.error.warning("once")
    error_log.error.warning("counted by who said it", extra={statsd.UNCOUNTED: True})
    error_log.error.critical("last")
    assert receive(receiver, 2) == [f"gunicorn.log.{name}:1|c|@1.0".encode() for name in ("warning", "critical")]
    # Without one: the counter of before is gone.
    error_log.set_up(make_config(errorlog="/dev/null"))
    assert not any(isinstance(handler, LineCounter) for handler in error_log.error.handlers)


def test_families() -> None:
    assert [is_ipv6(host) for host in ("::1", "127.0.0.1", "localhost", "")] == [True, False, False, False]
    assert statsd.family_of("/run/x") == socket.AF_UNIX
    assert statsd.family_of(("::1", 8125)) == socket.AF_INET6
    assert statsd.family_of(("localhost", 8125)) == socket.AF_INET
