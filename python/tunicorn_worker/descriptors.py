"""What a process holds open and its forked children must not."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol, TypeVar

    class Closable(Protocol):
        """A socket, a channel, a Descriptor."""

        def close(self) -> None: ...

    C = TypeVar("C", bound=Closable)


class Descriptor:
    """An open descriptor without a Python object of its own: a pipe's end, memory, a pidfd."""

    __slots__ = ("_number",)

    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        """Its number, -1 once it is closed."""
        return self._number

    def close(self) -> None:
        number, self._number = self._number, -1
        if number >= 0:
            os.close(number)


def make_nameless_file(purpose: str) -> int:
    """Make a file, in memory where that can be had. Returns its descriptor. Raises OSError."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(purpose)
    # macOS
    from tempfile import mkstemp

    descriptor, path = mkstemp(prefix="tunicorn-")
    os.unlink(path)
    return descriptor


class Holdings:
    """Everything of one process that is closed in its forked children.

    A list of its own rather than `os.closerange`: what the user's configuration has opened stays open in the workers.
    """

    def __init__(self) -> None:
        self._held: dict[int, Closable] = {}

    def hold(self, thing: C) -> C:
        self._held[id(thing)] = thing
        return thing

    def drop(self, thing: Closable) -> None:
        """Closes it here, now. One that is not held is closed as well."""
        self._held.pop(id(thing), None)
        thing.close()

    def close_all(self) -> None:
        """In a child, directly after the fork; or at the end."""
        while self._held:
            self._held.popitem()[1].close()
