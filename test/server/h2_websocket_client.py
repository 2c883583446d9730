"""The packages h2 and wsproto as a client of WebSocket over HTTP/2 (RFC 8441). Prints what it was answered."""

from __future__ import annotations

import socket
import ssl
import sys

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RemoteSettingsChanged, ResponseReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Message, TextMessage
from wsproto.extensions import PerMessageDeflate

SIZE = 300_000


class Client:
    """One WebSocket on stream 1."""

    def __init__(self, port: int, ca: str) -> None:
        context = ssl.create_default_context(cafile=ca)
        context.set_alpn_protocols(["h2"])
        raw = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket = context.wrap_socket(raw, server_hostname="localhost")
        self.http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.http.initiate_connection()
        self.frames: Connection | None = None
        self.ended = self.offered = False
        self.answer: dict[str, str] = {}
        self.messages: list[object] = []

    def send(self, data: bytes) -> None:
        """Send as the windows allow."""
        while data:
            room = min(self.http.local_flow_control_window(1), self.http.max_outbound_frame_size)
            if room == 0:
                self.read()
                continue
            self.http.send_data(1, data[:room])
            data = data[room:]
            self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.http.data_to_send())

    def read(self) -> None:
        for event in self.http.receive_data(self.socket.recv(65536)):
            if isinstance(event, RemoteSettingsChanged):
                self.offered |= SettingCodes.ENABLE_CONNECT_PROTOCOL in event.changed_settings
            elif isinstance(event, ResponseReceived):
                self.answer = dict(event.headers)
            elif isinstance(event, DataReceived):
                self.http.acknowledge_received_data(event.flow_controlled_length, 1)
                assert self.frames is not None
                if event.data:  # the last frame has only its end
                    self.frames.receive_data(event.data)
                self.messages.extend(self.frames.events())
            elif isinstance(event, (StreamEnded, StreamReset)):
                self.ended = True
        self.flush()


def main(port: str, ca: str) -> None:
    client = Client(int(port), ca)
    client.flush()
    while not client.offered:
        client.read()
    fields = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/echo")]
    deflate = PerMessageDeflate()
    more = [("sec-websocket-version", "13"), ("sec-websocket-extensions", f"permessage-deflate; {deflate.offer()}")]
    client.http.send_headers(1, [*fields, (":authority", f"localhost:{port}"), *more])
    client.flush()
    while not client.answer:
        client.read()
    deflate.finalize(client.answer["sec-websocket-extensions"])
    client.frames = frames = Connection(ConnectionType.CLIENT, [deflate])
    data = bytes(range(256)) * (SIZE // 256)
    client.send(frames.send(TextMessage(data="h\xe9llo")))
    client.send(frames.send(BytesMessage(data=data)))
    while sum(event.message_finished for event in client.messages if isinstance(event, Message)) < 2:
        client.read()
    client.send(frames.send(CloseConnection(code=4001, reason="bye")))
    while not client.ended:
        client.read()
    text = "".join(event.data for event in client.messages if isinstance(event, TextMessage))
    binary = b"".join(event.data for event in client.messages if isinstance(event, BytesMessage))
    closes = [(event.code, event.reason) for event in client.messages if isinstance(event, CloseConnection)]
    print(client.answer[":status"], repr(text), binary == data, closes)


main(*sys.argv[1:3])
