"""What a worker, or a mold, that cannot be loaded tells the arbiter of it: whoever waits for a reload wants to read it."""

from __future__ import annotations

import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tunicorn_worker.line_channel import Message

CHARACTERS_MAX = 65536
"""Of a traceback: a recursion makes a long one, and its end says what it was."""


def boot_failure(error: BaseException) -> Message:
    """Make the message `boot-failed`, with the traceback."""
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return {"ev": "boot-failed", "text": text[-CHARACTERS_MAX:]}
