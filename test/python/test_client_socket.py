"""`environ["gunicorn.socket"]`: what takes the client's connection over, and what does not."""

from __future__ import annotations

import logging
import select
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from fake_gateway import PATIENCE_SECONDS, FakeGateway, make_config, make_environ
from tunicorn_worker import wire
from tunicorn_worker.channel import Channel
from tunicorn_worker.client_socket import ClientSocket
from tunicorn_worker.environ import base_environ
from tunicorn_worker.wsgi import WsgiCaller

STREAM = 3


class Taken:
    """A channel whose connections this side keeps."""

    def __init__(self) -> None:
        self.gateway = FakeGateway()
        self.clients: list[tuple[int, socket.socket]] = []
        self.channel = Channel(self.gateway.worker_end, self.keep)
        self.channel.begin(STREAM)

    def keep(self, stream: int, end: socket.socket) -> None:
        client = end.dup()
        client.settimeout(PATIENCE_SECONDS)
        self.clients.append((stream, client))

    @property
    def client(self) -> socket.socket:
        ((stream, client),) = self.clients
        assert stream == STREAM
        return client

    def call(self, application: Any) -> list[int]:
        """Kinds of the frames that a request leads to."""
        settings = make_config()
        environ = {**make_environ(), **base_environ(settings, multithread=False)}
        WsgiCaller(application, settings).call(self.channel, environ)
        self.channel.close()
        return [frame.kind for frame in self.gateway.frames()]


@pytest.fixture
def taken() -> Iterator[Taken]:
    taken = Taken()
    yield taken
    taken.channel.close_taken()
    for _, client in taken.clients:
        client.close()
    taken.gateway.close()


@pytest.fixture
def stand_in(taken: Taken) -> ClientSocket:
    return ClientSocket(taken.channel, ("192.0.2.1", "4711"))


def test_looking_at_it_takes_nothing(taken: Taken, stand_in: ClientSocket) -> None:
    assert isinstance(stand_in, socket.socket)
    assert stand_in.getpeername() == ("192.0.2.1", 4711)
    assert ClientSocket(taken.channel, ("", None)).getpeername() == ""
    stand_in.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stand_in.settimeout(3)
    assert (stand_in.gettimeout(), stand_in.getblocking()) == (3, True)
    stand_in.setblocking(False)
    assert (stand_in.gettimeout(), stand_in.getblocking()) == (0.0, False)
    assert "taken=False" in repr(stand_in)
    assert hasattr(stand_in, "fileno")
    assert not hasattr(stand_in, "read")
    assert not hasattr(stand_in, "__copy__")
    assert taken.clients == []


def test_it_is_a_socket_once_it_is_used(taken: Taken, stand_in: ClientSocket) -> None:
    stand_in.settimeout(PATIENCE_SECONDS)
    poll = select.poll()
    poll.register(stand_in, select.POLLIN)
    assert poll.poll(0) == []
    taken.client.sendall(b"ping")
    assert select.select([stand_in], [], [], PATIENCE_SECONDS)[0] == [stand_in]
    assert stand_in.recv(100) == b"ping"
    assert stand_in.send(b"pong") == 4
    assert taken.client.recv(100) == b"pong"
    assert taken.channel.taken is not None
    assert taken.channel.taken.gettimeout() == PATIENCE_SECONDS
    assert stand_in.family == socket.AF_UNIX
    with stand_in as same:
        assert same is stand_in
    assert taken.client.recv(100) == b""


def test_a_blocking_send_sends_everything(taken: Taken, stand_in: ClientSocket) -> None:
    stand_in.setblocking(False)
    part = stand_in.send(b"x" * 10_000_000)
    assert 0 < part < 10_000_000
    stand_in.settimeout(0.01)
    # More than the kernel keeps, and nobody reads.
    with pytest.raises(TimeoutError):
        stand_in.send(b"x" * 10_000_000)


def test_after_its_request_it_is_closed(taken: Taken, stand_in: ClientSocket) -> None:
    taken.channel.begin(STREAM + 1)
    with pytest.raises(OSError, match="Bad file descriptor"):
        stand_in.recv(1)
    assert taken.clients == []


def test_a_lost_gateway_has_no_clients(taken: Taken, stand_in: ClientSocket) -> None:
    taken.channel.lost = True
    with pytest.raises(OSError, match="the gateway has left"):
        stand_in.fileno()


def stop_iteration(environ: Any, start_response: Any) -> Any:
    environ["gunicorn.socket"].sendall(b"raw")
    raise StopIteration


def nothing(environ: Any, start_response: Any) -> Any:
    environ["gunicorn.socket"].sendall(b"raw")
    return []


def broken_pipe(environ: Any, start_response: Any) -> Any:
    environ["gunicorn.socket"].sendall(b"raw")
    raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize("application", [stop_iteration, nothing, broken_pipe])
def test_a_request_whose_connection_was_taken_has_no_response(
    taken: Taken, application: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert taken.call(application) == [wire.TAKEN]
    assert taken.client.recv(100) == b"raw"
    assert taken.client.recv(100) == b""
    assert caplog.records == []


def test_what_fails_behind_a_taken_connection_is_logged(taken: Taken, caplog: pytest.LogCaptureFixture) -> None:
    def fail(environ: Any, start_response: Any) -> Any:
        environ["gunicorn.socket"].fileno()
        raise ValueError("broken")

    assert taken.call(fail) == [wire.TAKEN]
    assert [record.getMessage() for record in caplog.records] == ["Error handling request GET /"]


def test_it_may_be_looked_at_and_the_request_answered(taken: Taken) -> None:
    def look(environ: Any, start_response: Any) -> Any:
        select.select([environ["gunicorn.socket"]], [], [], 0)
        start_response("200 OK", [])
        return [b"hello"]

    assert taken.call(look) == [wire.RESPONSE]
    assert taken.client.recv(100) == b""
