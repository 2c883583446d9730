"""Against the real `node`, as its child and as its parent, with descriptors both ways."""

from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tunicorn_worker.node_ipc import NodeChannel

PACKAGE = str(Path(__file__).parents[2] / "python")
PATIENCE_S = 30

# Answers every message; one with a socket is answered through that socket, and by sending the socket back.
NODE_ECHO = """
process.on('message', (message, handle) => {
  if (handle === undefined) { process.send({ echo: message }); return; }
  process.send({ returned: message }, handle, { keepOpen: true });
});
process.send({ hello: process.env.GREETING });
"""

# Starts the Python below as its child, sends it a listening socket and messages around it, prints what comes back.
NODE_PARENT = """
const { spawn } = require('node:child_process');
const net = require('node:net');
const child = spawn(process.argv[1], ['-c', process.argv[2]], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
const server = net.createServer().listen(0, '127.0.0.1', () => {
  child.send({ n: 1 });
  child.send({ port: server.address().port }, server._handle, { keepOpen: true });
  child.send({ n: 2 });
});
const seen = [];
child.on('message', (message, handle) => {
  seen.push(message);
  if (handle === undefined) return;
  const socket = new net.Socket({ handle });
  socket.on('data', (data) => {
    console.log(JSON.stringify({ seen, data: data.toString() }));
    socket.destroy();
    server.close();
    child.disconnect();
  });
});
"""

PYTHON_CHILD = """
import os, select, socket
from tunicorn_worker.node_ipc import NodeChannel
channel = NodeChannel.from_environment()
assert 'NODE_CHANNEL_FD' not in os.environ and 'NODE_CHANNEL_SERIALIZATION_MODE' not in os.environ
while not channel.ended:
    select.select([channel], [], [])
    for message, descriptor in channel.receive():
        channel.send({'got': message, 'handle': descriptor is not None})
        if descriptor is not None:
            listener = socket.socket(fileno=descriptor)
            assert listener.getsockname()[1] == message['port']
            near, far = socket.socketpair()
            channel.send({'take': 'this'}, far.fileno())
            far.close()
            near.sendall(b'through the socket')
"""


def node() -> str:
    found = shutil.which("node")
    assert found is not None, "these tests need node on PATH"
    return found


def receive_one(channel: NodeChannel) -> tuple[dict[str, object], int | None]:
    while True:
        assert select.select([channel], [], [], PATIENCE_S)[0], "node says nothing"
        messages = channel.receive()
        assert len(messages) <= 1
        if messages:
            return messages[0]


def test_python_as_the_parent_of_node() -> None:
    near, far = socket.socketpair()
    channel = NodeChannel(near)
    environment = {
        **os.environ,
        "NODE_CHANNEL_FD": str(far.fileno()),
        "NODE_CHANNEL_SERIALIZATION_MODE": "json",
        "GREETING": "grüße",
    }
    with subprocess.Popen([node(), "-e", NODE_ECHO], pass_fds=[far.fileno()], env=environment) as process:
        far.close()
        assert receive_one(channel) == ({"hello": "grüße"}, None)
        channel.send({"n": 1})
        assert receive_one(channel) == ({"echo": {"n": 1}}, None)
        mine, theirs = socket.socketpair()
        with mine, theirs:
            channel.send({"socket": 1}, theirs.fileno())
            message, descriptor = receive_one(channel)
        assert message == {"returned": {"socket": 1}}
        assert descriptor is not None
        with socket.socket(fileno=descriptor) as returned:
            assert returned.family == socket.AF_UNIX
        channel.send({"n": 2})
        assert receive_one(channel) == ({"echo": {"n": 2}}, None)
        channel.close()
        assert process.wait(PATIENCE_S) == 0


def test_python_sends_many_handles_without_waiting() -> None:
    near, far = socket.socketpair()
    channel = NodeChannel(near)
    environment = {**os.environ, "NODE_CHANNEL_FD": str(far.fileno()), "GREETING": ""}
    with subprocess.Popen([node(), "-e", NODE_ECHO], pass_fds=[far.fileno()], env=environment) as process:
        far.close()
        pairs = [socket.socketpair() for _ in range(40)]
        for number, (_, theirs) in enumerate(pairs):
            channel.send({"number": number}, theirs.fileno())
            theirs.close()
        returned: list[object] = []
        while len(returned) < 41:
            assert select.select([channel], [], [], PATIENCE_S)[0], f"node says nothing after {returned}"
            channel.flush()
            for message, descriptor in channel.receive():
                returned.append(message)
                if descriptor is not None:
                    os.close(descriptor)
        assert returned[1:] == [{"returned": {"number": number}} for number in range(40)]
        for mine, _ in pairs:
            mine.close()
        channel.close()
        assert process.wait(PATIENCE_S) == 0


def test_python_as_the_child_of_node() -> None:
    done = subprocess.run(
        [node(), "-e", NODE_PARENT, sys.executable, PYTHON_CHILD],
        env={**os.environ, "PYTHONPATH": PACKAGE},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert '"data":"through the socket"' in done.stdout
    assert '{"got":{"n":1},"handle":false},{"got":{"port":' in done.stdout
    assert '"handle":true},{"take":"this"}' in done.stdout


def test_a_handle_that_was_lost_is_asked_for_again() -> None:
    near, far = socket.socketpair()
    with far:
        channel = NodeChannel(near)
        far.send(b'{"cmd":"NODE_HANDLE","type":"net.Native","msg":{}}\n{"cmd":"NODE_HANDLE_ACK"}\n{"cmd":"mine"}\n')
        assert channel.receive() == [({"cmd": "mine"}, None)]
        assert far.recv(100) == b'{"cmd":"NODE_HANDLE_NACK"}\n'
        channel.close()


@pytest.mark.parametrize(("number", "mode"), [("", "json"), ("x", "json"), ("0", "advanced")])
def test_no_channel_is_said_so(monkeypatch: pytest.MonkeyPatch, number: str, mode: str) -> None:
    monkeypatch.setenv("NODE_CHANNEL_FD", number)
    monkeypatch.setenv("NODE_CHANNEL_SERIALIZATION_MODE", mode)
    with pytest.raises(RuntimeError, match="channel to the arbiter"):
        NodeChannel.from_environment()
