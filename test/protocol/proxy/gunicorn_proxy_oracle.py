"""What Gunicorn's own parser makes of the beginning of a connection: the oracle of our PROXY header reader.

Reads JSON lines ``{"bytes": "<base64>", "versions": "auto", "allowed": true}`` and writes one JSON line of outcome for
each, in the shape of ``outcome.ts``. Run it with a Python that has gunicorn 27.0.1:

    python gunicorn_proxy_oracle.py < cases.jsonl > outcomes.jsonl
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

from gunicorn.config import Config
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

STRANGER = "192.0.2.99"


class FirstHeader(Request):
    """A request that stops behind its PROXY header."""

    def _parse_python(self, unreader: Any, buf: bytearray) -> bytes:
        self.rest = len(buf) + sum(len(chunk) for chunk in unreader.iter)
        return b""

    def set_body_reader(self) -> None:
        """There is no body."""


def outcome(case: dict[str, Any]) -> dict[str, Any]:
    """Read the header of one connection."""
    cfg = Config()
    cfg.set("http_parser", "python")
    cfg.set("proxy_protocol", case["versions"])
    peer = ("127.0.0.1" if case["allowed"] else STRANGER, 40000)
    data = base64.b64decode(case["bytes"])
    pieces = [data[:7], data[7:30], data[30:]]
    try:
        request = FirstHeader(cfg, IterUnreader(piece for piece in pieces if piece), peer)
    except (NoMoreData, StopIteration):
        return {"at": "more"}
    except ParseException as error:
        return {"at": "refused", "message": str(error)}
    info = request.proxy_protocol_info
    if info is None:
        return {"at": "absent", "rest": request.rest}
    addresses = {
        "clientAddress": info["client_addr"],
        "clientPort": info["client_port"],
        "proxyAddress": info["proxy_addr"],
        "proxyPort": info["proxy_port"],
    }
    header = {"protocol": info["proxy_protocol"], "addresses": addresses if info["client_addr"] is not None else None}
    return {"at": "header", "header": header, "rest": request.rest}


def main() -> None:
    """Answer every line of standard input."""
    for line in sys.stdin:
        print(json.dumps(outcome(json.loads(line))), flush=False)


if __name__ == "__main__":
    main()
