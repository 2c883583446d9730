"""Writes down what contexts of the module ssl are told and do not tell again: keys, authorities, names of protocols."""

from __future__ import annotations

import os
import ssl
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Call = tuple[str, tuple[Any, ...]]
    """A method's name and what it was given: ``("set_ciphers", ("ECDHE+AESGCM",))``."""

TELLING = ("load_", "set_")
"""How methods begin that tell a context something; what a later Python adds begins like this too."""


class Recorder:
    """The calls that contexts have had while it recorded, in order."""

    def __init__(self) -> None:
        self._calls: dict[ssl.SSLContext, list[Call]] = {}

    def note(self, context: ssl.SSLContext, name: str, arguments: tuple[Any, ...]) -> None:
        self._calls.setdefault(context, []).append((name, arguments))

    def calls(self, context: ssl.SSLContext) -> list[Call]:
        return self._calls.get(context, [])


@contextmanager
def recording() -> Iterator[Recorder]:
    """Record what all contexts are told, whoever makes them: the methods of the class are others meanwhile.

    Paths are noted as absolute ones, passwords as bytes, and only where they were asked for.
    """
    recorder = Recorder()
    own = dict(vars(ssl.SSLContext))
    names = [name for name in dir(ssl.SSLContext) if name.startswith(TELLING)]
    for name in names:
        setattr(ssl.SSLContext, name, _noting(recorder, name, getattr(ssl.SSLContext, name)))
    try:
        yield recorder
    finally:
        for name in names:
            if name in own:
                setattr(ssl.SSLContext, name, own[name])
            else:
                delattr(ssl.SSLContext, name)  # the base class's own is seen again


def _noting(recorder: Recorder, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """The method, with a note of each call that has not raised."""
    if name == "load_cert_chain":
        return _noting_chain(recorder, method)
    if name == "load_verify_locations":
        return _noting_authorities(recorder, method)

    def tell(self: ssl.SSLContext, *arguments: Any, **named: Any) -> Any:
        result = method(self, *arguments, **named)
        recorder.note(self, name, (*arguments, *named.values()))
        return result

    return tell


def _noting_chain(recorder: Recorder, method: Callable[..., Any]) -> Callable[..., Any]:
    def load_cert_chain(self: ssl.SSLContext, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
        given: list[bytes] = []

        def ask() -> Any:
            value = password() if callable(password) else password
            given.append(value.encode() if isinstance(value, str) else bytes(value))
            return value

        method(self, certfile, keyfile, None if password is None else ask)
        key = None if keyfile is None else absolute(keyfile)
        recorder.note(self, "load_cert_chain", (absolute(certfile), key, given[-1] if given else None))

    return load_cert_chain


def _noting_authorities(recorder: Recorder, method: Callable[..., Any]) -> Callable[..., Any]:
    def load_verify_locations(self: ssl.SSLContext, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        method(self, cafile, capath, cadata)
        file = None if cafile is None else absolute(cafile)
        folder = None if capath is None else absolute(capath)
        recorder.note(self, "load_verify_locations", (file, folder, cadata))

    return load_verify_locations


def absolute(path: Any) -> str:
    """Where the path leads from here."""
    return os.path.abspath(os.fsdecode(path))
