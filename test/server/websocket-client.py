"""Speaks WebSocket and Socket.IO with a server, as browsers do. Arguments: what to speak, the port."""

from __future__ import annotations

import sys
import threading

import socketio
import websocket

PATIENCE_SECONDS = 60


def speak_websocket(port: str) -> None:
    client = websocket.create_connection(f"ws://127.0.0.1:{port}/ws", timeout=PATIENCE_SECONDS)
    for size in (1, 1000, 1_000_000):
        client.send("x" * size)
        assert client.recv() == "x" * size
    client.send_binary(bytes(range(256)))
    assert client.recv() == bytes(range(256))
    client.send("bye")
    # The server's close frame, then its end.
    assert client.recv() == ""
    client.close()


def speak_socket_io(port: str, transports: list[str]) -> None:
    client = socketio.Client()
    heard = threading.Event()
    words: list[str] = []

    @client.on("heard")  # type: ignore[untyped-decorator]
    def on_heard(text: str) -> None:
        words.append(text)
        heard.set()

    client.connect(f"http://127.0.0.1:{port}", transports=transports, wait_timeout=PATIENCE_SECONDS)
    assert client.call("shout", "hello", timeout=PATIENCE_SECONDS) == "you said hello"
    assert heard.wait(PATIENCE_SECONDS)
    assert words == ["HELLO"]
    assert client.transport() == "websocket"
    client.disconnect()


def main(what: str, port: str) -> None:
    if what == "websocket":
        speak_websocket(port)
    elif what == "socket.io":
        speak_socket_io(port, ["websocket"])
    else:
        # The connection moves from long polling to WebSocket.
        speak_socket_io(port, ["polling", "websocket"])
    print("all went well")


main(*sys.argv[1:])
