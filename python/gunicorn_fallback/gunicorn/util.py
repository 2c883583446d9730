"""The helpers that worker classes use."""

from __future__ import annotations

import fcntl
import inspect
import os
import random
import traceback
from importlib import import_module, metadata
from typing import Any

from gunicorn.workers import SUPPORTED_WORKERS


def load_class(uri: Any, default: str = "gunicorn.workers.sync.SyncWorker", section: str = "gunicorn.workers") -> Any:
    """Find a class by alias, dotted path or entry point. Raises RuntimeError, AttributeError."""
    if inspect.isclass(uri):
        return uri
    try:
        if uri.startswith("egg:"):
            distribution, hash_sign, name = uri.removeprefix("egg:").rpartition("#")
            return (
                load_entry_point(distribution, section, name) if hash_sign else load_entry_point(name, section, default)
            )
        if "." not in uri:
            uri = uri.lstrip("#")
            if uri not in SUPPORTED_WORKERS:
                return load_entry_point("gunicorn", section, uri)
        module, _, name = SUPPORTED_WORKERS.get(uri, uri).rpartition(".")
        found = import_module(module)
    except Exception:
        raise RuntimeError(f"class uri {uri!r} invalid or not found: \n\n[{traceback.format_exc()}]")  # noqa: B904
    return getattr(found, name)


def load_entry_point(distribution: str, group: str, name: str) -> Any:
    """Raises ImportError, and importlib.metadata.PackageNotFoundError."""
    for entry_point in metadata.distribution(distribution).entry_points:
        if entry_point.group == group and entry_point.name == name:
            return entry_point.load()
    raise ImportError(f"Entry point {(group, name)!r} not found")


def close_on_exec(descriptor: Any) -> None:
    """descriptor: a number, or an object with ``fileno()``"""
    fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.fcntl(descriptor, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)


def set_non_blocking(descriptor: Any) -> None:
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_NONBLOCK)


def close(sock: Any) -> None:
    try:
        sock.close()
    except OSError:
        pass


def seed() -> None:
    random.seed(os.urandom(64))


def set_owner_process(uid: int, gid: int, initgroups: bool = False) -> None:
    """Become this group and this user, if the process is not yet theirs; 0 changes nothing."""
    if gid and gid != os.getgid():
        if initgroups and uid:
            import pwd

            os.initgroups(pwd.getpwuid(uid).pw_name, gid)
        os.setgid(gid)
    if uid and uid != os.getuid():
        os.setuid(uid)


def bytes_to_str(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin1")


def to_bytestring(value: str | bytes, encoding: str = "utf8") -> bytes:
    """Raises TypeError for anything but text and bytes."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a string")
    return value.encode(encoding)
