"""Writes access-log-vectors.json: what Gunicorn's own logger makes of formats and exchanges.

Run it with the pinned Gunicorn: ``.venv-test/bin/python test/telemetry/access_log_vectors.py``.
"""

from __future__ import annotations

import base64
import datetime
import json
import os
import time
from pathlib import Path
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger, SafeAtoms
from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import create

FINISHED_S = 1795197604
WORKER_PID = 4211
DEFAULT = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'


class StandIn:
    """Gives Gunicorn's classes the few attributes that they look at."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)

    def send(self, data: bytes) -> None:
        """Take a 100 Continue."""


def basic(user: bytes) -> str:
    return "Basic " + base64.b64encode(user + b":secret").decode()


EXCHANGES: dict[str, dict[str, Any]] = {
    "plain": {"target": "/x?y=1", "headers": [("Host", "h"), ("User-Agent", "curl/7.88.1")]},
    "bare": {"target": "/", "headers": [], "bytes": 0},
    "full": {
        "method": "POST",
        "target": "/a%20b/%C3%A9?q=%22&z",
        "protocol": "HTTP/1.0",
        "headers": [
            ("Host", "h:81"),
            ("Referer", 'http://r/"quoted"'),
            ("User-Agent", "one"),
            ("User-Agent", "two \u00e9\u00a0"),
            ("X-Forwarded-For", "1.2.3.4"),
            ("x-forwarded-for", "5.6.7.8"),
            ("Content-Type", "text/plain"),
            ("Content-Length", "0"),
            ("X-Tab", "a\tb"),
            ("X-Back", "it's a \\ slash"),
            ("Authorization", basic("zo\u00eb".encode())),
        ],
        "status": "404 Not Found",
        "response": [("Content-Type", "text/html; charset=utf-8"), ("X-One", " 1 "), ("X-One", "2"), ("X-Q", 'a"b')],
        "bytes": 1234567,
        "us": 61_002_003,
    },
    "unix": {"target": "/u", "headers": [("Host", "name:99")], "unix": True},
    "unix without port": {"target": "/u", "headers": [("Host", "name")], "unix": True},
    "unix without host": {"target": "/u", "headers": [], "unix": True},
    "mounted": {"target": "/app/p%2Fq", "headers": [("Host", "h")], "script_name": "/app"},
    "basic without colon": {"target": "/", "headers": [("Authorization", "Basic dXNlcg==")]},
    "basic in lower case": {"target": "/", "headers": [("Authorization", "basic  dXNlcjpw")]},
    "basic without padding": {"target": "/", "headers": [("Authorization", "Basic dXNlcg")]},
    "basic with one padding of two": {"target": "/", "headers": [("Authorization", "Basic dXNlcg=")]},
    "basic with foreign characters": {"target": "/", "headers": [("Authorization", "Basic dX-N_l.cg==")]},
    "basic with text after padding": {"target": "/", "headers": [("Authorization", "Basic dXNlcg==dXNlcg")]},
    "basic of no user": {"target": "/", "headers": [("Authorization", basic(b""))]},
    "basic that is not utf-8": {"target": "/", "headers": [("Authorization", basic(b"\xff"))]},
    "basic alone": {"target": "/", "headers": [("Authorization", "Basic")]},
    "bearer": {"target": "/", "headers": [("Authorization", "Bearer dXNlcjpw")]},
}

FORMATS = [
    DEFAULT,
    "%(h)s|%(l)s|%(u)s|%(t)s|%(r)s|%(m)s|%(U)s|%(q)s|%(H)s|%(s)s|%(B)s|%(b)s|%(f)s|%(a)s|%(T)s|%(D)s|%(M)s|%(L)s|%(p)s",
    "%({x-forwarded-for}i)s %({X-Forwarded-For}I)s %({host}i)s %({nope}i)s %({content-type}i)s %({x-tab}i)s",
    "%({Content-Type}o)s %({x-one}o)s %({x-q}o)s %({content}o)s %({server}o)s",
    "%({raw_uri}e)s %({HTTP_X_FORWARDED_FOR}e)s %({wsgi.url_scheme}e)s %({path_info}e)s %({script_name}e)s",
    "%({request_method}e)s %({query_string}e)s %({server_protocol}e)s %({content_type}e)s %({content_length}e)s",
    "%({remote_addr}e)s %({remote_port}e)s %({server_name}e)s %({server_port}e)s %({server_software}e)s",
    "%({wsgi.version}e)s %({wsgi.run_once}e)s %({wsgi.input_terminated}e)s %({wsgi.multiprocess}e)s %({http_nope}e)s",
    "%(h)15s|%(h)-15s|%(h).3s|%(h)-6.3s|%(h)015s|%(h)+15s|%(a).5s|%(a)8.5s|",
    "%(B)d|%(B)10d|%(B)-10d|%(B)010d|%(B)+d|%(B) d|%(B)+012d|%(B)-012d|",
    "%(T).3d|%(T)8.3d|%(T)08.3d|%(T)+08.3d|%(D)i|%(M)u|%(D)ld|%(D)hd|%(B)12s|%(B).2s|%(B)r|",
    "%(T)f|%(D).2f|%(D)15.1f|%(D)-15.0f|%(D)#.0f|%(D)015.3f|%(D)+.1F|%(T).0f|",
    "%(a)r|%(f)r|%({x-back}i)r|%({x-tab}i)r|%(h)r|%(a)20r|%(a)-20.6r|%(s)r|%(T)r|",
    "%(nope)s %(H )s %()s %({}i)s %({x)s %({x}z)s %(constructor)s %({constructor}e)s %(hh)s",
    "100%% %(h)s%%%(B)s%%",
    "no atoms at all",
    "",
    "\u00e9 \u20ac %(h)s \u00e9",
    "%({x(y)z}i)s|",
]

REFUSED = [
    "%(h)q",
    "%(h)",
    "%",
    "%(h",
    "%h",
    "%(h)d",
    "%(b)d",
    "%(L)f",
    "%(nope)d",
    "%(h)*s",
    "%(h).*s",
    "%(r)x",
    "%(a)c",
    "%s %s",
    "%({x}i)d",
    "%(h)%",
    "%5%",
    "50% done",
    "%(t)i",
    "%(H)f",
]


def raw_request(exchange: dict[str, Any]) -> bytes:
    line = f"{exchange.get('method', 'GET')} {exchange['target']} {exchange.get('protocol', 'HTTP/1.1')}\r\n"
    fields = "".join(f"{name}: {value}\r\n" for name, value in exchange["headers"])
    return (line + fields + "\r\n").encode("latin-1")


def atoms_of(exchange: dict[str, Any]) -> dict[str, Any]:
    """Let Gunicorn parse the request, build the environ and collect the atoms."""
    os.environ["SCRIPT_NAME"] = exchange.get("script_name", "")
    config = Config()
    client: Any = "" if exchange.get("unix") else ("127.0.0.1", 50123)
    server: Any = "/run/app.sock" if exchange.get("unix") else ("127.0.0.1", 8000)
    request = next(RequestParser(config, iter([raw_request(exchange)]), client))
    _, environ = create(request, StandIn(), client, server, config)
    response = StandIn(
        status=exchange.get("status", "200 OK"),
        sent=exchange.get("bytes", 3),
        headers=[(name, value.strip(" \t")) for name, value in exchange.get("response", [])],
    )
    logger = Logger.__new__(Logger)
    logger.now = lambda: time.strftime("[%d/%b/%Y:%H:%M:%S %z]", time.localtime(FINISHED_S))  # type: ignore[method-assign]
    logger.error_log = StandIn(debug=lambda *_: None)  # type: ignore[assignment]
    duration = datetime.timedelta(microseconds=exchange.get("us", 1_234))
    atoms: dict[str, Any] = logger.atoms(response, request, environ, duration)
    atoms["p"] = f"<{WORKER_PID}>"
    return atoms


def main() -> None:
    os.environ["TZ"] = "Asia/Kolkata"
    time.tzset()
    collected = {name: SafeAtoms(atoms_of(exchange)) for name, exchange in EXCHANGES.items()}
    for format_ in REFUSED:
        try:
            format_ % collected["plain"]
        except (TypeError, ValueError):
            continue
        if format_ != "%s %s":
            raise AssertionError(f"Gunicorn accepts {format_!r}")
    vectors = {
        "timezone": "Asia/Kolkata",
        "finishedMs": FINISHED_S * 1000 + 321,
        "workerPid": WORKER_PID,
        "exchanges": {
            name: {**exchange, "lines": [format_ % collected[name] for format_ in FORMATS]}
            for name, exchange in EXCHANGES.items()
        },
        "formats": FORMATS,
        "refused": REFUSED,
    }
    target = Path(__file__).with_name("access-log-vectors.json")
    target.write_text(json.dumps(vectors, indent=1) + "\n")


if __name__ == "__main__":
    main()
