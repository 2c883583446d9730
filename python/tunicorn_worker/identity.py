"""Whom a worker runs as."""

from __future__ import annotations

import os

from tunicorn_worker.loggers import error_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tunicorn_worker.config import Config


def take_identity(config: Config) -> None:
    """Become `user` and `group`, for good; 0 changes nothing, as with Gunicorn.

    Raises PermissionError when this process may not.
    """
    uid, gid = config.user, config.group
    if gid:
        name = user_name(uid) if config.initgroups and uid else None
        if name is not None:
            os.initgroups(name, gid)
        if gid != os.getgid():
            os.setgid(gid)
    if uid and uid != os.getuid():
        os.setuid(uid)
        warn_of_unreadable_library()


def warn_of_unreadable_library() -> None:
    """A Python below root's home is not this user's to read: `No module named 'typing'` would not say why."""
    library = os.path.dirname(os.__file__)
    if not os.access(library, os.R_OK | os.X_OK):
        error_log().warning(
            "the worker's user cannot read Python's library: imports will fail uid=%d library=%s", os.getuid(), library
        )


def give_away(descriptor: int, config: Config) -> None:
    """Let `user` set the times of a file that was made by root. Does nothing where we may not: then it is theirs."""
    try:
        os.fchown(descriptor, config.user, config.group)
    except OSError:
        pass


def user_name(uid: int) -> str | None:
    """The name in the user database; None for a number without an entry, as containers like to give out."""
    import pwd  # Only where it is asked for.

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
