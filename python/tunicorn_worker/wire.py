"""Numbers and layouts of the worker channel, the ticket pipe and slot memory: pure, no I/O.

The contract is docs/internals/channels.md, sections 5 and 6; src/wire is the same in TypeScript, and both are tested
with test/wire/vectors.json.
"""

from __future__ import annotations

import struct

FRAME_HEADER_BYTES = 16
FRAME_BODY_BYTES_MAX = 65536
"""Largest BODY frame either way: cheap per byte, and never long in another worker's way."""
FRAME_BYTES_MAX = 16 * 1024 * 1024
"""A longer frame is a fault of the other half."""
RESPONSE_WINDOW_BYTES = 262144
"""Body bytes that may be sent before the client (or the spool) has taken any."""

STREAM_WINDOW_BYTES = 65536
"""The same on a pushed stream, both ways."""

SLOT_BYTES = 16384
SLOT_COUNT = 4096
SLOT_HEADER_BYTES = 16
TICKET_BYTES = 16
ENTRY_COUNT = 65536
"""Words behind the slots, one for each pushed request."""
ENTRY_BYTES = 4
ENTRIES_OFFSET = SLOT_COUNT * SLOT_BYTES
THROUGH_CHANNEL = 0xFFFFFFFF
"""In a ticket: the head, or the body, comes through the channel."""

LANE_SHIFT = 22
"""A claim has room for 2^22 workers, of which no two that live at once share a number, and 2^10 lanes of each."""
LANES_MAX = 1024

# Frames to the gateway.
RESPONSE = 1
HEAD = 2
BODY = 3
END = 4
FILE = 5
HINTS = 6
ABORT = 7
CREDIT = 8
READY = 9
LEAVING = 10
PONG = 11
FETCH_HEAD = 12
ACCEPT = 13
TEXT = 14
BINARY = 15
CLOSE = 16
TAKEN = 17
TEXT_TO_MANY = 18
BINARY_TO_MANY = 19
REPORTS = 20

# Frames from the gateway.
REQUEST_BODY = 32
REQUEST_BODY_END = 33
RESPONSE_CREDIT = 34
CANCEL = 35
STOP = 36
PING = 37
REQUEST_HEAD = 38
FILE_REFUSED = 39
FILE_TAKEN = 40
REQUEST = 41
CLIENT_FIN = 42
WEBSOCKET_TEXT = 43
WEBSOCKET_BINARY = 44
WEBSOCKET_CLOSED = 45
COMPLETED = 46
REPORTS_END = 47

# Flags of RESPONSE and HEAD.
HAS_CONTENT_LENGTH = 1
WANTS_CLOSE = 2

# Flag of REQUEST_BODY_END: the client closed inside a Content-Length body.
BODY_SHORT = 1
# Flags of REQUEST: the body comes in BODY frames; the client takes trailer fields; it asks for a WebSocket.
BODY_FOLLOWS = 1
TAKES_TRAILERS = 2
WEBSOCKET = 4
# Flag of messages: the message goes on in the next frame of its kind.
MESSAGE_GOES_ON = 4

MESSAGE_COST_BYTES = 256
"""A WebSocket message costs so much of its window besides its bytes: about what holds it while it waits."""

FRAME_HEADER = struct.Struct("<IIBBHI")
"""Whole frame's bytes, stream, type, flags, status bytes, head bytes."""
TICKET = struct.Struct("<IIII")
"""Slot, head bytes, request id, body bytes."""
FILE_REGION = struct.Struct("<QQQQ")
"""Device, inode, offset, bytes; the path follows."""
COMPLETION = struct.Struct("<HQQ")
"""Of COMPLETED: status, body bytes of the response, microseconds from the request's head to the response's end."""
U16 = struct.Struct("<H")
U32 = struct.Struct("<I")
U64 = struct.Struct("<Q")

pack_header = FRAME_HEADER.pack
unpack_header = FRAME_HEADER.unpack_from
pack_u64 = U64.pack


def lane_number(worker: int, lane: int) -> int:
    """The number of a worker's lane in claims: never 0, and for lane 0 of the first 4 million workers the worker's own.

    ``lane_number(7, 0) == 7``, ``lane_number(7, 2) == 7 + 2 * 2**22``
    """
    return lane << LANE_SHIFT | (worker - 1) % ((1 << LANE_SHIFT) - 1) + 1


def pack_response(kind: int, stream: int, flags: int, status: bytes, head: bytes, length: bytes, body: bytes) -> bytes:
    """Build a RESPONSE, HEAD or HINTS frame.

    status: ``b"200 OK"``; head: field lines, each ending in CRLF.
    length: the Content-Length as `pack_u64` makes it when `flags` has HAS_CONTENT_LENGTH, else ``b""``.
    """
    size = FRAME_HEADER_BYTES + len(status) + len(head) + len(length) + len(body)
    return b"".join((pack_header(size, stream, kind, flags, len(status), len(head)), status, head, length, body))


def pack_end(stream: int, trailers: bytes) -> bytes:
    """Build an END frame; trailers: field lines, each ending in CRLF."""
    return pack_header(FRAME_HEADER_BYTES + len(trailers), stream, END, 0, 0, len(trailers)) + trailers


def pack_plain(kind: int, stream: int, payload: bytes = b"") -> bytes:
    """Build a frame that has neither status nor head, e.g. END or CREDIT."""
    return pack_header(FRAME_HEADER_BYTES + len(payload), stream, kind, 0, 0, 0) + payload


def pack_to_many(kind: int, streams: list[int], data: bytes) -> bytes:
    """Build a TEXT_TO_MANY or BINARY_TO_MANY frame: one whole message to several WebSockets."""
    head = struct.pack(f"<{len(streams)}I", *streams)
    return pack_header(FRAME_HEADER_BYTES + len(head) + len(data), 0, kind, 0, 0, len(head)) + head + data


def pack_file(stream: int, device: int, inode: int, offset: int, size: int, path: bytes) -> bytes:
    """Build a FILE frame: `size` bytes of the file at `path`, from `offset`."""
    return pack_plain(FILE, stream, FILE_REGION.pack(device, inode, offset, size) + path)
