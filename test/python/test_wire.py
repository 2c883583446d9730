"""The Python codec against the vectors that the TypeScript codec reads too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fake_gateway import read_frame
from tunicorn_worker import wire

VECTORS = json.loads((Path(__file__).parents[1] / "wire" / "vectors.json").read_text())
WITH_HEAD = (wire.RESPONSE, wire.HEAD, wire.HINTS, wire.ACCEPT)


def names(vectors: list[dict[str, Any]]) -> list[str]:
    return [vector["name"] for vector in vectors]


@pytest.mark.parametrize("vector", VECTORS["frames"], ids=names(VECTORS["frames"]))
def test_frame(vector: dict[str, Any]) -> None:
    kind, stream, body = vector["type"], vector["stream"], bytes.fromhex(vector["body"])
    status, head = vector["status"].encode("latin-1"), vector["head"].encode("latin-1")
    length = None if vector["contentLength"] is None else int(vector["contentLength"])
    frame = bytes.fromhex(vector["frame"])
    if kind in WITH_HEAD:
        field = b"" if length is None else wire.pack_u64(length)
        assert wire.pack_response(kind, stream, vector["flags"], status, head, field, body) == frame
    elif kind == wire.FILE:
        region = wire.FILE_REGION.unpack_from(body)
        assert wire.pack_file(stream, *region, body[wire.FILE_REGION.size :]) == frame
    elif kind in (wire.TEXT_TO_MANY, wire.BINARY_TO_MANY):
        assert wire.pack_to_many(kind, [number for (number,) in wire.U32.iter_unpack(head)], body) == frame
    elif kind == wire.END:
        assert wire.pack_end(stream, head) == frame
    elif vector["flags"] == 0:
        assert wire.pack_plain(kind, stream, body) == frame
    read = read_frame(frame + b"next")
    assert read is not None
    parsed, rest = read
    assert rest == b"next"
    assert (parsed.kind, parsed.stream, parsed.flags) == (kind, stream, vector["flags"])
    assert (parsed.status, parsed.head, parsed.content_length, parsed.body) == (status, head, length, body)


@pytest.mark.parametrize("vector", VECTORS["tickets"], ids=names(VECTORS["tickets"]))
def test_ticket(vector: dict[str, Any]) -> None:
    values = (vector["slot"], vector["headBytes"], vector["id"], vector["bodyBytes"])
    assert wire.TICKET.pack(*values).hex() == vector["ticket"]
    assert wire.TICKET.unpack(bytes.fromhex(vector["ticket"])) == values


@pytest.mark.parametrize("vector", VECTORS["lanes"])
def test_lane_number(vector: dict[str, int]) -> None:
    assert wire.lane_number(vector["worker"], vector["lane"]) == vector["number"]
