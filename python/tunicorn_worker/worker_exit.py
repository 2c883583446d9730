"""How a worker process ends."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def leave(code: int, *, at_once: bool = False) -> NoReturn:
    """End the process as the end of a program would: wait for threads, run atexit functions, flush; but never go back
    into the nursery's code, of which a forked worker is a copy.

    at_once: do not wait for threads.
    """
    try:
        if not at_once:
            threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, RuntimeError, ValueError, AttributeError):
                pass  # Closed by the application, its reader is gone, or a signal came in the middle of a write.
        os._exit(code)
