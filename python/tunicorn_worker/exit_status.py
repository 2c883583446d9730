"""How a process ended, as the channels say it and as shells say it."""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def describe_exit(wait_status: int) -> dict[str, Any]:
    """`{"code": 3}` or `{"signal": "SIGKILL"}` from waitpid's status; a signal without a name is `"signal 40"`, as
    Gunicorn logs it.
    """
    code = os.waitstatus_to_exitcode(wait_status)
    if code >= 0:
        return {"code": code}
    try:
        return {"signal": signal.Signals(-code).name}
    except ValueError:
        return {"signal": f"signal {-code}"}


def shell_code(wait_status: int) -> int:
    """The exit code, or 128 + the signal's number."""
    code = os.waitstatus_to_exitcode(wait_status)
    return code if code >= 0 else 128 - code


def code_of_system_exit(value: object) -> tuple[int, str]:
    """What `sys.exit(value)` makes of its argument: the exit code, and the text that Python prints before it."""
    if value is None:
        return 0, ""
    if isinstance(value, int):
        return value & 0xFF, ""
    return 1, str(value)
