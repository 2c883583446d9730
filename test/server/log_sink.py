"""Receives what servers send to syslog, and prints each datagram as one line of JSON.

arguments: the path of a unix socket to make. The first line is the UDP port.
"""

import json
import select
import socket
import sys

udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
unix.bind(sys.argv[1])
print(udp.getsockname()[1], flush=True)
while True:
    for ready in select.select([udp, unix], [], [])[0]:
        print(json.dumps(ready.recv(65536).decode()), flush=True)
