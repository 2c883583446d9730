"""Imports standard-library modules into the nursery, so that workers forked later share their memory."""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# Modules whose import does something: opens a browser, prints, runs programs, takes the terminal, needs a display.
SIDE_EFFECTS = frozenset(
    {
        "__main__",
        "antigravity",
        "ensurepip",
        "idlelib",
        "lib2to3",
        "readline",
        "rlcompleter",
        "test",
        "this",
        "tkinter",
        "turtle",
        "turtledemo",
        "venv",
    }
)


def warm(modules: Iterable[str]) -> None:
    """Imports each module that is the standard library's; a failure is the application's to meet. Then nothing
    imported so far is
    garbage-collected again, so that a worker's collector does not copy the pages it shares.
    """
    path = sys.path
    # So that a random.py beside the application is not imported into the nursery.
    sys.path = [entry for entry in path if is_standard(entry)]
    try:
        for name in modules:
            if is_warmable(name):
                try:
                    __import__(name)
                except Exception:
                    continue
    finally:
        sys.path = path
    gc.collect()
    gc.freeze()


def is_warmable(name: str) -> bool:
    """``"xml.etree.ElementTree"`` is, ``"flask"`` and ``"antigravity"`` are not."""
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names and top not in SIDE_EFFECTS


def is_standard(entry: str) -> bool:
    """Whether an entry of sys.path is the standard library's: its directory, its lib-dynload, its zip file."""
    library = os.path.dirname(os.__file__)
    return entry in (library, os.path.join(library, "lib-dynload")) or (
        entry.endswith(".zip") and os.path.basename(entry).startswith("python3")
    )
