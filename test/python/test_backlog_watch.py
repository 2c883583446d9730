from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fake_gateway import make_config
from tunicorn_worker import backlog_watch
from tunicorn_worker.backlog_watch import LOOK_EVERY_MS, BacklogWatch, backlog_of


class Watched:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, *sockets: socket.socket, enabled: bool = True) -> None:
        self.now = 100.0
        self.lines: list[str] = []
        self.metrics: list[tuple[str, object]] = []
        listeners: Any = SimpleNamespace(own=[SimpleNamespace(socket=sock) for sock in sockets])
        statsd: Any = SimpleNamespace(histogram=lambda name, value: self.metrics.append((name, value)))
        monkeypatch.setattr(backlog_watch, "monotonic", lambda: self.now)
        self.watch = BacklogWatch(listeners, self.say)
        self.watch.configure(make_config(enable_backlog_metric=enabled), statsd)

    def say(self, event: str, descriptor: int | None = None, /, **fields: object) -> None:
        assert (event, fields["level"]) == ("log", "debug")
        self.lines.append(str(fields["text"]))


def listening(family: socket.AddressFamily, address: Any) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.bind(address)
    sock.listen(8)
    return sock


def test_clients_in_the_queue_are_counted_each_second(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as one, listening(socket.AF_INET, ("127.0.0.1", 0)) as two:
        watched = Watched(monkeypatch, one, two)
        assert watched.watch.look_every_ms == LOOK_EVERY_MS
        clients = [socket.create_connection(sock.getsockname()) for sock in (one, one, two)]
        watched.watch.look()
        watched.watch.look()
        watched.now += 1
        one.accept()[0].close()
        watched.watch.look()
        for client in clients:
            client.close()
        assert watched.metrics == [("gunicorn.backlog", 3), ("gunicorn.backlog", 2)]
        assert watched.lines == ["socket backlog: 3", "socket backlog: 2"]


def test_unix_sockets_have_no_such_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with listening(socket.AF_UNIX, str(tmp_path / "sock")) as sock:
        assert backlog_of(sock) == -1
        watched = Watched(monkeypatch, sock)
        watched.watch.look()
        assert (watched.metrics, watched.lines) == ([], [])


def test_without_the_setting_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as sock:
        watched = Watched(monkeypatch, sock, enabled=False)
        watched.watch.look()
        assert (watched.watch.look_every_ms, watched.metrics) == (None, [])


def test_a_socket_that_is_gone_has_an_empty_queue() -> None:
    sock = socket.socket()
    sock.close()
    assert backlog_of(sock) == 0
