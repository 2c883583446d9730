"""What ``ps`` shows for a process of ours."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PREDECESSOR_VARIABLE = "GUNICORN_PID"
"""In the environment of a master that runs beside the one that it is to replace, and of all that it has started."""


def find_title_setter() -> Callable[[str], object] | None:
    """Look for the setproctitle package in the user's environment.

    Called once, early: the package reads the process's environment block, which must not have been changed before.

    Returns None without the package, and on macOS, where setting a title after a fork can crash (Gunicorn issue 3021).
    """
    if sys.platform == "darwin":
        return None
    try:
        from setproctitle import getproctitle, setproctitle  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return None
    getproctitle()
    setter: Callable[[str], object] = setproctitle
    return setter


def title_name(proc_name: str) -> str:
    """What stands in brackets, ``"app:app"``; ``"app:app.2"`` beside the master that is to be replaced."""
    return proc_name + (".2" if PREDECESSOR_VARIABLE in os.environ else "")


def predecessor_pid() -> int:
    """Pid of the master that is to be replaced, 0 where there is none."""
    return int(os.environ.get(PREDECESSOR_VARIABLE, 0))


def set_process_title(title: str) -> None:
    """Show `title`, e.g. ``"tunicorn: worker [app:app]"``, when the user's environment has setproctitle."""
    setter = find_title_setter()
    if setter is not None:
        setter(title)
