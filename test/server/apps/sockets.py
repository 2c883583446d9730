"""Applications that take the client's socket: flask-sock, Flask-SocketIO, and by hand."""

from __future__ import annotations

import os
import select
import socket
import time
from typing import Any

from flask import Flask
from flask_sock import Sock
from flask_socketio import SocketIO

app = Flask(__name__)
app.config["SOCK_SERVER_OPTIONS"] = {"ping_interval": 25}
sock = Sock(app)
socket_io = SocketIO(app, async_mode=os.environ.get("SOCKET_IO_MODE", "threading"))


@sock.route("/ws")
def websocket(ws: Any) -> None:
    while (message := ws.receive()) != "bye":
        ws.send(message)


@socket_io.on("shout")
def shout(text: str) -> str:
    socket_io.emit("heard", text.upper())
    return f"you said {text}"


def raw(environ: Any, start_response: Any) -> Any:
    """Answers with what comes behind the request, line by line, until its end; lives on its side until then."""
    client = environ["gunicorn.socket"]
    client.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
    while select.select([client], [], [], 60)[0]:
        data = client.recv(1000)
        if not data:
            break
        client.sendall(data.upper())
    client.sendall(b"the end")
    raise StopIteration


def flood(environ: Any, start_response: Any) -> Any:
    """Sends more than anybody keeps, and says in the log how that went."""
    client = environ["gunicorn.socket"]
    client.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    print("flood: begins", flush=True)
    try:
        for _ in range(1000):
            client.sendall(b"x" * 100_000)
        print("flood: all sent", flush=True)
    except OSError as error:
        print(f"flood: {type(error).__name__}", flush=True)
    raise StopIteration


def watch(environ: Any, start_response: Any) -> Any:
    """Looks whether its client is still there, as long as it is."""
    client = environ["gunicorn.socket"]
    print("watch: begins", flush=True)
    select.select([client], [], [], 60)
    print(f"watch: {client.recv(1)!r}", flush=True)
    start_response("200 OK", [])
    return [b"late"]


def look(environ: Any, start_response: Any) -> Any:
    peer = environ["gunicorn.socket"].getpeername()
    environ["gunicorn.socket"].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    start_response("200 OK", [])
    return [f"{peer == (environ['REMOTE_ADDR'], int(environ['REMOTE_PORT']))}".encode()]


def hold(environ: Any, start_response: Any) -> Any:
    environ["gunicorn.socket"].sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n%d" % os.getpid())
    time.sleep(60)
    return []


BY_HAND = {"/raw": raw, "/flood": flood, "/watch": watch, "/look": look, "/hold": hold}


def application(environ: Any, start_response: Any) -> Any:
    return BY_HAND.get(environ["PATH_INFO"], app)(environ, start_response)
