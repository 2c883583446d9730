"""`--check-config`: loads the application in a child of its own, and says how that went."""

from __future__ import annotations

import os

from tunicorn_worker.descriptors import Descriptor
from tunicorn_worker.exit_status import code_of_system_exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

READ_BYTES = 65536
FAILED_CODE = 1
"""Gunicorn's, for every failure but a sys.exit in the application."""


def check_application(load: Callable[[], object], report: int) -> int:
    """In the child: loads the application. A traceback goes to the pipe `report`.

    Returns the exit code: 0 loaded, else 1, or the application's own when it calls sys.exit.
    """
    try:
        load()
    except SystemExit as leaving:
        code, text = code_of_system_exit(leaving.code)
    except BaseException:
        from traceback import format_exc

        code, text = FAILED_CODE, format_exc()
    else:
        return 0
    write_report(report, text)
    return code


def write_report(report: int, text: str) -> None:
    """In the child: tell the nursery, through the pipe."""
    remaining = text.encode(errors="backslashreplace")
    while remaining:
        remaining = remaining[os.write(report, remaining) :]


class AppCheck:
    """The nursery's side: collects what the child writes until it has ended."""

    def __init__(self, pid: int, report: Descriptor, event: str) -> None:
        """event: what its end is told as, `app-checked`."""
        self.event = event
        os.set_blocking(report.fileno(), False)
        self.pid = pid
        self.report = report
        self._text = b""

    def read(self) -> bool:
        """Takes what is there. False at the end, or when nothing is."""
        try:
            data = os.read(self.report.fileno(), READ_BYTES)
        except BlockingIOError:
            return False
        self._text += data
        return bool(data)

    def finish(self) -> str:
        """The whole text, after the child has ended. A process that it left behind may hold the pipe open: no end
        is waited for.
        """
        while self.read():
            pass
        return self._text.decode(errors="replace")
