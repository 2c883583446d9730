"""A small WSGI application of the standard library. Run it with: tunicorn --chdir examples hello:app"""

from __future__ import annotations

import os
import time
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

STREAM_LINES = 10
STREAM_PAUSE_SECONDS = 0.5

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Hello from Tunicorn</title>
<style>
  body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem; }}
</style>
<h1>Hello, {name}!</h1>
<p>This page was made by worker process {pid}, in Python, by a WSGI application of a few lines.</p>
<ul>
  <li><a href="/?name=you">Say hello to somebody else</a></li>
  <li><a href="/environ">See what the application is told about your request</a></li>
  <li><a href="/stream">Watch an answer arrive line by line</a></li>
</ul>
</html>
"""


def hello(environ: WSGIEnvironment) -> str:
    """Greet whoever ``?name=`` names, or the world."""
    names = parse_qs(environ["QUERY_STRING"]).get("name", ["World"])
    return PAGE.format(name=escape(names[0]), pid=os.getpid())


def show_environ(environ: WSGIEnvironment) -> str:
    """List the environ, one variable on a line, as Python writes it."""
    return "".join(f"{name} = {environ[name]!r}\n" for name in sorted(environ))


def count_slowly() -> Iterator[bytes]:
    """Yield STREAM_LINES lines, each of which reaches the client before the next is made."""
    for number in range(1, STREAM_LINES + 1):
        if number > 1:
            time.sleep(STREAM_PAUSE_SECONDS)
        yield f"line {number} of {STREAM_LINES} at {time.strftime('%H:%M:%S')}\n".encode()


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer ``/``, ``/environ`` and ``/stream``; anything else is not found."""
    path = environ["PATH_INFO"]
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
        return count_slowly()
    if path == "/":
        status, content_type, text = "200 OK", "text/html", hello(environ)
    elif path == "/environ":
        status, content_type, text = "200 OK", "text/plain", show_environ(environ)
    else:
        # PEP 3333 gives the path as latin-1 text of its bytes.
        shown = path.encode("latin-1").decode("utf-8", "replace")
        status, content_type, text = "404 Not Found", "text/plain", f"There is nothing at {shown}\n"
    body = text.encode("utf-8", "replace")
    start_response(status, [("Content-Type", f"{content_type}; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]
