"""A WSGI application inside wsgiref's validator: what is against PEP 3333 is an AssertionError, so a 500."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.validate import validator

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]

TEXT = ("Content-Type", "text/plain")


def hello(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "5")])
    return [b"hello"]


def echo(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    source = environ["wsgi.input"]
    first, line, lines, rest = source.read(4), source.readline(), source.readlines(4), []
    while data := source.read(65536):
        rest.append(data)
    start_response("200 OK", [TEXT])
    return [first, line, *lines, *rest]


def iterate(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    lines = list(environ["wsgi.input"])
    start_response("200 OK", [TEXT])
    return [b"|".join(lines)]


def generate(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", [TEXT])
    yield b"first "
    yield b""
    yield b"second"


def write(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])(b"written ")
    return [b"returned"]


def errors(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    environ["wsgi.errors"].write("said to wsgi.errors\n")
    environ["wsgi.errors"].writelines(["and ", "more\n"])
    environ["wsgi.errors"].flush()
    return hello(environ, start_response)


def nothing(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("204 No Content", [])
    return []


def fails(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    raise ValueError("as asked")


PATHS = {
    "/echo": echo,
    "/iterate": iterate,
    "/generate": generate,
    "/write": write,
    "/errors": errors,
    "/nothing": nothing,
    "/fails": fails,
}


@validator
def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return PATHS.get(environ["PATH_INFO"], hello)(environ, start_response)
