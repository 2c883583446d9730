"""What Gunicorn's own uWSGI parser makes of given bytes: the oracle of ours.

Reads lines of base64, each the bytes of one connection, and writes one JSON line of outcome for each, in the shape of
``outcome.ts``. Run it with a Python that has gunicorn 27.0.1:

    python gunicorn_oracle.py < connections > outcomes.jsonl
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.uwsgi import UWSGIParseException, UWSGIParser, UWSGIRequest

PEER = ("127.0.0.1", 40000)
SERVER = ("127.0.0.1", 8000)
# A connection between two packets ends without a word; Gunicorn tells that as a header of no bytes.
CLEAN_END = "Invalid uWSGI header: incomplete header"


def describe(req: Any, cfg: Config) -> dict[str, Any]:
    """Everything an application could learn of one request; the path before Gunicorn decodes it a second time."""
    _response, environ = wsgi.create(req, None, PEER, SERVER, cfg)
    fields = {key: value for key, value in environ.items() if key.startswith(("HTTP_", "CONTENT_"))}
    return {
        "method": req.method,
        "target": environ["RAW_URI"],
        "path": req.path,
        "query": environ["QUERY_STRING"],
        "protocol": environ["SERVER_PROTOCOL"],
        "scheme": environ["wsgi.url_scheme"],
        "keepAlive": not req.should_close(),
        "fields": dict(sorted(fields.items())),
        "body": req.body.read().decode("latin-1"),
    }


class Watched(UWSGIRequest):  # type: ignore[misc]
    """Notes how many bytes the last read gave: none means that the connection ended between two packets."""

    last_read = 0

    def _read_exact(self, unreader: Any, size: int) -> bytes:
        data: bytes = super()._read_exact(unreader, size)
        Watched.last_read = len(data)
        return data


def outcome(data: bytes) -> dict[str, Any]:
    """Parse one connection to its end: the requests served, and how it ended."""
    cfg = Config()
    cfg.set("protocol", "uwsgi")
    requests: list[dict[str, Any]] = []
    parser = UWSGIParser(cfg, iter([data]), PEER)
    parser.mesg_class = Watched
    while True:
        try:
            requests.append(describe(next(parser), cfg))
        except StopIteration:
            return {"requests": requests, "refusal": None}
        except UWSGIParseException as error:
            clean = str(error) == CLEAN_END and Watched.last_read == 0
            return {"requests": requests, "refusal": None if clean else str(error)}


def main() -> None:
    """Answer every line of standard input."""
    for line in sys.stdin:
        print(json.dumps(outcome(base64.b64decode(line))), flush=False)


if __name__ == "__main__":
    main()
