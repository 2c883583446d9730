"""`spew`: every line of Python that runs is written to standard output, as Gunicorn does."""

from __future__ import annotations

import linecache
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any


def spew() -> None:
    """Begin, in this thread and in those that start from now on."""
    import threading  # Only with `spew`.

    threading.settrace(write_line)
    sys.settrace(write_line)


def write_line(frame: FrameType, event: str, _argument: Any) -> Any:
    """A trace function: `module:12: the line`."""
    if event == "line":
        variables = frame.f_globals
        name = variables.get("__name__", "[unknown]")
        line = linecache.getline(variables.get("__file__") or frame.f_code.co_filename, frame.f_lineno)
        print(f"{name}:{frame.f_lineno}: {line.rstrip()}")
    return write_line
