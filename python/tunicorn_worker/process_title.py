"""What ``ps`` shows for a process of ours."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


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


def set_process_title(title: str) -> None:
    """Show `title`, e.g. ``"tunicorn: worker [app:app]"``, when the user's environment has setproctitle."""
    setter = find_title_setter()
    if setter is not None:
        setter(title)
