"""What Gunicorn's own pure-Python parser makes of given bytes: the oracle of our HTTP/1 parser.

Reads JSON lines ``{"bytes": "<base64>", "settings": {...}, "trusted": true, "secure": false}`` and writes one JSON
line of outcome for each, in the shape of ``outcome.ts``; an empty line asks for what is not written yet. Run it with a
Python that has gunicorn 27.0.1:

    python gunicorn_oracle.py < cases.jsonl > outcomes.jsonl

The bytes are fed one by one: where Gunicorn's answer depends on how its input was cut, this is the answer we give too.
"""

from __future__ import annotations

import base64
import functools
import json
import sys
import types
from collections.abc import Iterator
from typing import Any

from gunicorn import util
from gunicorn.config import Config
from gunicorn.http.errors import NoMoreData
from gunicorn.http.parser import RequestParser
from gunicorn.workers.base import Worker

UNTRUSTED = ("192.0.2.1", 40000)
TRUSTED = ("127.0.0.1", 40000)


def single_bytes(data: bytes) -> Iterator[bytes]:
    """Cut ``data`` into pieces of one byte."""
    for value in data:
        yield bytes([value])


def refusal(cfg: Any, req: Any, error: Exception) -> dict[str, Any]:
    """Ask Gunicorn's worker what it answers and logs for ``error``."""
    seen: dict[str, Any] = {"logged": False}

    def write_error(_sock: object, status: int, reason: str, mesg: str) -> None:
        seen.update(status=status, reason=reason, page=mesg)

    def access(*_args: object) -> None:
        seen["logged"] = True

    log = types.SimpleNamespace(
        warning=lambda text: seen.update(warning=text), access=access, exception=print, debug=print
    )
    util.write_error = write_error
    Worker.handle_error(types.SimpleNamespace(log=log, cfg=cfg), req, None, ("", 0), error)
    return {
        "status": seen["status"],
        "page": seen["page"],
        "message": seen["warning"].removeprefix("Invalid request from ip=: "),
        "logged": seen["logged"],
    }


def describe(req: Any) -> dict[str, Any]:
    """Everything an application could learn of one request's head."""
    script_names = [value for name, value in req.headers if name == "SCRIPT_NAME"]
    return {
        "method": req.method,
        "target": req.uri,
        "rawPath": req.path,
        "path": util.unquote_to_wsgi_str(req.path),
        "query": req.query,
        "protocol": f"HTTP/{req.version[0]}.{req.version[1]}",
        "scheme": req.scheme,
        "scriptName": script_names[-1] if script_names else None,
        "headers": [[name, value] for name, value in req.headers],
        "expectsContinue": req._expected_100_continue,
        "keepAlive": not req.should_close(),
    }


@functools.cache
def config(settings: str, secure: bool) -> Config:
    """Make Gunicorn's settings; kept, because making the 120 of them takes longer than parsing a request."""
    cfg = Config()
    cfg.set("http_parser", "python")
    for name, value in json.loads(settings).items():
        cfg.set(name, value)
    if secure:
        cfg.set("certfile", "/dev/null")
    return cfg


def outcome(case: dict[str, Any]) -> dict[str, Any]:
    """Parse one case to its end: the requests served, and how it ended."""
    cfg = config(json.dumps(case["settings"]), case["secure"])
    peer = TRUSTED if case["trusted"] else UNTRUSTED
    requests: list[dict[str, Any]] = []
    parser = RequestParser(cfg, single_bytes(base64.b64decode(case["bytes"])), peer)
    while True:
        req: Any = None
        try:
            req = next(parser)
            requests.append(describe(req))
            requests[-1]["body"] = req.body.read().decode("latin-1")
            requests[-1]["trailers"] = [[name, value] for name, value in req.trailers]
        except (StopIteration, NoMoreData):
            return {"requests": requests, "refusal": None}
        except Exception as error:
            return {"requests": requests, "refusal": refusal(cfg, req, error)}


def main() -> None:
    """Answer every line of standard input."""
    for line in sys.stdin:
        if line == "\n":
            sys.stdout.flush()
        else:
            print(json.dumps(outcome(json.loads(line))), flush=False)


if __name__ == "__main__":
    main()
