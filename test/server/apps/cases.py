"""One WSGI application with a path for each thing a server must get right, for Gunicorn and Tunicorn alike."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], None]]

TEXT = ("Content-Type", "text/plain")
CLOSED: list[str] = []
MEETINGS: dict[int, tuple[threading.Barrier, set[int]]] = {}
MEETING_SECONDS_MAX = 30


def query(environ: Environ, name: str, default: str = "") -> str:
    """Give one value of the query string, percent-decoded to latin-1."""
    return parse_qs(environ["QUERY_STRING"], encoding="latin-1", keep_blank_values=True).get(name, [default])[0]


def answer(
    start_response: StartResponse, body: bytes, *headers: tuple[str, str], status: str = "200 OK"
) -> list[bytes]:
    """Answer with a whole body and its length."""
    start_response(status, [TEXT, ("Content-Length", str(len(body))), *headers])
    return [body]


def hello(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return answer(start_response, b"hello\n")


def pid(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return answer(start_response, str(os.getpid()).encode())


def show_environ(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the whole environ; what is neither text, number nor tuple is shown by its type and attributes."""
    shown: dict[str, Any] = {}
    for key, value in environ.items():
        if isinstance(value, (str, bool, int, tuple)):
            shown[key] = [type(value).__name__, value]
        else:
            wanted = ("read", "readline", "readlines", "__iter__", "write", "writelines", "flush", "__call__", "fileno")
            shown[key] = ["object", [name for name in wanted if hasattr(value, name)]]
    return answer(start_response, json.dumps(shown, sort_keys=True).encode())


def echo(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return answer(start_response, environ["wsgi.input"].read())


def read_in_ways(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Read the body in the way that ?how= says and answer with what each call gave."""
    stream = environ["wsgi.input"]
    ways: dict[str, Callable[[], list[bytes]]] = {
        "all": lambda: [stream.read(), stream.read(), stream.readline()],
        "minus": lambda: [stream.read(-1)],
        "none": lambda: [stream.read(None)],
        "zero": lambda: [stream.read(0), stream.read(3), stream.read(0), stream.read()],
        "pieces": lambda: [stream.read(4), stream.read(4), stream.read(10**6), stream.read(1)],
        "line": lambda: [
            stream.readline(),
            stream.readline(2),
            stream.readline(),
            stream.readline(0),
            stream.readline(),
        ],
        "lines": lambda: stream.readlines(),
        "hint": lambda: stream.readlines(3),
        "iterate": lambda: list(stream),
        "mixed": lambda: [stream.read(1), stream.readline(), stream.read(2), *stream],
    }
    return answer(
        start_response, json.dumps([part.decode("latin-1") for part in ways[query(environ, "how")]()]).encode()
    )


def read_wrongly(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    try:
        environ["wsgi.input"].read("x")
    except TypeError:
        return answer(start_response, b"TypeError")
    return answer(start_response, b"no error")


def no_length(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return [b"one", b"", b"two"]


def empty(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return []


def generator(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Call start_response at the first iteration only."""
    start_response("200 OK", [TEXT])
    yield b"first"
    yield b""
    yield b"second"


def generator_with_length(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "11")])
    yield b"first"
    yield b"second"


def gated(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Send one part, then wait for the client's acknowledgement in the file ?gate= before the next."""
    start_response("200 OK", [TEXT])
    yield b"before"
    while not os.path.exists(query(environ, "gate")):
        time.sleep(0.01)
    yield b"after"


def write(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    send = start_response("200 OK", [TEXT])
    send(b"written ")
    send(b"")
    send(b"twice ")
    return [b"and returned"]


def write_with_length(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    send = start_response("200 OK", [TEXT, ("Content-Length", "7")])
    send(b"written")
    return []


def with_status(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the status ?status=, with a body and, if ?length=, a Content-Length."""
    headers = [TEXT] + ([("Content-Length", query(environ, "length"))] if query(environ, "length") else [])
    start_response(query(environ, "status"), headers)
    return [query(environ, "body").encode()] if query(environ, "body") else []


def with_header(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return answer(start_response, b"ok", (query(environ, "name"), query(environ, "value")))


def with_bytes_header(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return answer(start_response, b"ok", (b"X-Bytes", b"v"))  # type: ignore[arg-type]


def hop_by_hop(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    names = "Connection Keep-Alive Proxy-Authenticate Proxy-Authorization TE Trailers Upgrade Server Date"
    headers = [(name, "from-the-application") for name in names.split()]
    return answer(start_response, b"ok", *headers, ("X-Kept", "yes"), ("Trailer", "X-T"))


def many_headers(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    cookies = [("Set-Cookie", f"c{n}={n}") for n in range(3)]
    return answer(start_response, b"ok", *cookies, ("x-lower", "  trimmed\t"), ("X-Latin", "\u00e9"), ("X-Empty", ""))


def raises(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    raise ValueError("before start_response")


def raises_after_start(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    raise ValueError("after start_response")


def raises_first(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", [TEXT])
    raise ValueError("at the first iteration")
    yield b""


def raises_midway(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", [TEXT])
    yield b"begun"
    raise ValueError("after the first part")


def raises_midway_with_length(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "10")])
    yield b"begun"
    raise ValueError("after the first part")


def exc_info_before(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    try:
        raise ValueError("found late")
    except ValueError:
        start_response("503 Replaced", [TEXT], sys.exc_info())
    return [b"replaced"]


def exc_info_after(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", [TEXT])
    yield b"begun"
    try:
        raise ValueError("found too late")
    except ValueError:
        start_response("500 Too Late", [TEXT], sys.exc_info())
    yield b"never"


def starts_twice(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    start_response("200 OK", [TEXT])
    return [b"never"]


def never_starts(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return [b"never"]


def returns_none(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return None  # type: ignore[return-value]


def returns_text(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return ["text"]  # type: ignore[list-item]


def exits(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    sys.exit(7)


def too_long(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "4")])
    return [b"long", b"er"]


def too_short(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "9")])
    return [b"short"]


class Closing:
    """A body whose close() is noted."""

    def __init__(self, name: str, fails: bool = False) -> None:
        self.name = name
        self.fails = fails

    def __iter__(self) -> Iterator[bytes]:
        yield b"part"
        if self.fails:
            raise ValueError("midway")

    def close(self) -> None:
        CLOSED.append(self.name)


def closing(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "4")])
    return Closing("whole")


def closing_failed(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return Closing("failed", fails=True)


def closed(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return answer(start_response, json.dumps(CLOSED).encode())


def file_wrapper(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Send this file with wsgi.file_wrapper; ?offset=, ?length=, ?memory= change how."""
    with open(__file__, "rb") as source:
        content = source.read()
    offset = int(query(environ, "offset", "0"))
    file = io.BytesIO(content) if query(environ, "memory") else open(__file__, "rb")  # noqa: SIM115
    file.seek(offset)
    headers = [TEXT, ("X-Size", str(len(content)))]
    if query(environ, "length"):
        headers.append(("Content-Length", query(environ, "length")))
    start_response("200 OK", headers)
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
    return wrapped


def large_file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Send a file of ?bytes= with wsgi.file_wrapper. Each process makes it once."""
    size = int(query(environ, "bytes"))
    path = os.path.join(tempfile.gettempdir(), f"large-{size}-{os.getpid()}")
    if not os.path.exists(path):
        with open(path, "wb") as made:
            made.write(b"x" * size)
    start_response("200 OK", [TEXT, ("Content-Length", str(size))])
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](open(path, "rb"))  # noqa: SIM115
    return wrapped


def empty_file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "0")])
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](open(os.devnull, "rb"))  # noqa: SIM115
    return wrapped


def big(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Send ?bytes= bytes in parts of 64 KiB."""
    size = int(query(environ, "bytes"))
    start_response("200 OK", [TEXT, ("Content-Length", str(size))])
    part = b"x" * 65536
    return (part[: min(65536, size - at)] for at in range(0, size, 65536))


def early_hints(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    environ["wsgi.early_hints"]([("Link", "</a.css>; rel=preload"), ("X-Hint", "1")])
    return answer(start_response, b"after hints")


def trailers(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Send trailers of HTTP/2, before the body or, with ?late=1, behind it; says whether there are any."""
    send = environ.get("gunicorn.http2.send_trailers")
    fields = [TEXT] if query(environ, "late") else [TEXT, ("Content-Length", "5")]
    start_response("200 OK", fields)
    if send and not query(environ, "late"):
        send([("X-Sum", "1"), ("x-more", "2")])
    yield b"first" if send else b"plain"
    if send and query(environ, "late"):
        send([("X-Sum", "1"), ("x-more", "2")])


def hints(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Send early hints in the way ?how= names; what is refused is answered with the exception's name."""
    send = environ["wsgi.early_hints"]
    fields: dict[str, list[Any]] = {
        "text": [("Link", "</a.css>; rel=preload; as=style"), ("link", "</b.js>; rel=preload")],
        "bytes": [(b"Link", b"</a.css>; rel=preload")],
        "latin-1": [("X-Hint", "caf\xe9")],
        "padded": [("X-Hint", "  v  ")],
        "empty value": [("X-Hint", "")],
        "none": [],
        "hop-by-hop": [("Connection", "close"), ("Server", "mine"), ("Date", "today"), ("X-Hint", "1")],
        "length": [("Content-Length", "5")],
        "name with a blank": [("X Hint", "1")],
        "empty name": [("", "1")],
        "value with CR LF": [("X-Hint", "1\r\nX-Split: 1")],
        "value with NUL": [("X-Hint", "1\0")],
        "value that is a number": [("X-Hint", 5)],
        "value beyond latin-1": [("X-Hint", "\u20ac")],
    }
    how = query(environ, "how")
    if how == "twice":
        send([("Link", "</a.css>")])
        send([("Link", "</b.css>")])
        return answer(start_response, b"after")
    if how == "behind start_response":
        body = answer(start_response, b"after")
        send([("Link", "</a.css>")])
        return body
    if how == "behind the head":
        write = start_response("200 OK", [TEXT, ("Content-Length", "5")])
        write(b"be")
        send([("Link", "</a.css>")])
        return [b"low"]
    try:
        send(fields[how])
    except Exception:
        return answer(start_response, b"refused")
    return answer(start_response, b"after")


def breaks_open_ended(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Fail behind the first bytes of a body without a length."""
    start_response("200 OK", [TEXT])
    yield b"half of it"
    raise RuntimeError("the other half is missing")


def stalls_open_ended(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Never come to the end of a body without a length."""
    start_response("200 OK", [TEXT])
    yield b"half of it"
    time.sleep(1000)


def nap(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Sleep ?seconds= and answer with when that was: the application's own clock proves what ran at the same time."""
    started = time.monotonic()
    time.sleep(float(query(environ, "seconds")))
    times = {"started": started, "ended": time.monotonic(), "pid": os.getpid()}
    return answer(start_response, json.dumps(times).encode())


def stay(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Note in the file ?note= that the application runs, and stay in it until the file ?gate= is there."""
    with open(query(environ, "note"), "a") as note:
        note.write(f"{os.getpid()}\n")
    while not os.path.exists(query(environ, "gate")):
        time.sleep(0.01)
    return answer(start_response, str(os.getpid()).encode())


def meet(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer when ?count= requests are here at once, with the number of threads that they are in."""
    count = int(query(environ, "count"))
    barrier, threads = MEETINGS.setdefault(count, (threading.Barrier(count, timeout=MEETING_SECONDS_MAX), set()))
    threads.add(threading.get_ident())
    barrier.wait()
    return answer(start_response, b"met %d" % len(threads))


def talks(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Write to everything an application may write to."""
    print("printed to stdout", flush=True)
    print("printed to stderr", file=sys.stderr, flush=True)
    environ["wsgi.errors"].write("written to wsgi.errors\n")
    environ["wsgi.errors"].flush()
    logging.getLogger("gunicorn.error").info("logged by the application")
    logging.getLogger("gunicorn.error").debug("logged for debugging")
    return answer(start_response, b"talked")


def identity(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Tell what the process looks like from inside."""
    facts = {
        "argv": [os.path.basename(sys.argv[0]), *sys.argv[1:]],
        "cwd": os.getcwd(),
        "path0": sys.path[0],
        "SERVER_SOFTWARE": os.environ.get("SERVER_SOFTWARE"),
        "FOO": os.environ.get("FOO"),
        "main": sys.modules["__main__"].__name__,
    }
    return answer(start_response, json.dumps(facts).encode())


PATHS: dict[str, Callable[[Environ, StartResponse], Iterable[bytes]]] = {
    "/": hello,
    "/big": big,
    "/closed": closed,
    "/closing": closing,
    "/closing-failed": closing_failed,
    "/early-hints": early_hints,
    "/hints": hints,
    "/trailers": trailers,
    "/stalls-open-ended": stalls_open_ended,
    "/breaks-open-ended": breaks_open_ended,
    "/echo": echo,
    "/empty": empty,
    "/empty-file": empty_file,
    "/environ": show_environ,
    "/exc-info-after": exc_info_after,
    "/exc-info-before": exc_info_before,
    "/exits": exits,
    "/file": file_wrapper,
    "/large-file": large_file,
    "/gated": gated,
    "/generator": generator,
    "/generator-with-length": generator_with_length,
    "/header": with_header,
    "/header-bytes": with_bytes_header,
    "/headers": many_headers,
    "/hop-by-hop": hop_by_hop,
    "/identity": identity,
    "/meet": meet,
    "/nap": nap,
    "/never-starts": never_starts,
    "/no-length": no_length,
    "/pid": pid,
    "/raises": raises,
    "/raises-after-start": raises_after_start,
    "/raises-first": raises_first,
    "/raises-midway": raises_midway,
    "/raises-midway-with-length": raises_midway_with_length,
    "/read": read_in_ways,
    "/read-wrongly": read_wrongly,
    "/returns-none": returns_none,
    "/returns-text": returns_text,
    "/starts-twice": starts_twice,
    "/status": with_status,
    "/stay": stay,
    "/talks": talks,
    "/too-long": too_long,
    "/too-short": too_short,
    "/write": write,
    "/write-with-length": write_with_length,
}


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer by path; other paths show their environ, so that path handling can be compared."""
    return PATHS.get(environ["PATH_INFO"], show_environ)(environ, start_response)
