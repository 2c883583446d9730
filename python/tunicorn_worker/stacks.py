"""Where threads, tasks and greenlets are, written down. All of it may be called by signal handlers."""

from __future__ import annotations

import itertools
import sys
import threading
import traceback

# By its name: gevent puts a function into this module that counts greenlets for threads, as it does for their names.
from _thread import get_ident
from collections import Counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from types import CodeType, FrameType
    from typing import Any

TASKS_SHOWN_MAX = 100
"""Of a worker that is killed for silence: a thousand stacks would say no more, and it has a second to write them."""
STACKS_MAX = 50
"""Different stacks of greenlets that are shown: more would bury the rest of the log."""


def format_frame(frame: FrameType | None) -> str:
    """Write down one stack, the outermost call first; empty for none."""
    return "" if frame is None else "".join(traceback.format_stack(frame)).rstrip("\n")


def is_below(frame: FrameType | None, code: CodeType) -> bool:
    """Whether a function with this code is being called where this frame is the innermost."""
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None


def format_threads(interrupted: FrameType | None) -> str:
    """Write down where every thread is.

    interrupted: where this thread, which runs the signal handler, was
    """
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    here = get_ident()
    parts = []
    for ident, frame in sys._current_frames().items():
        stack = format_frame(interrupted if ident == here else frame)
        name = names.get(ident, "MainThread" if ident == here else "?")
        parts.append(f"Thread {name} ({ident}):\n{stack}")
    return "\n".join(parts)


def format_loop() -> str:
    """Write down the tasks of the event loop that runs in this thread, whosever it is; empty when none runs."""
    # Not imported: most workers do without it.
    module: Any = sys.modules.get("asyncio")
    loop = None if module is None else module._get_running_loop()
    return "" if loop is None else format_tasks(loop)


def format_tasks(loop: asyncio.AbstractEventLoop) -> str:
    """Write down where every task of a loop waits or runs, the first `TASKS_SHOWN_MAX` of them."""
    module: Any = sys.modules["asyncio"]
    tasks = module.all_tasks(loop)
    parts = [format_task(task) for task in itertools.islice(tasks, TASKS_SHOWN_MAX)]
    if len(tasks) > TASKS_SHOWN_MAX:
        parts.append(f"and {len(tasks) - TASKS_SHOWN_MAX} more")
    return "\n".join(parts)


def format_task(task: asyncio.Task[Any]) -> str:
    """Write down what a task waits for, from its own coroutine to the innermost: `Task.print_stack` has the first only.
    Of one that runs just now, the stack of its thread has the rest.
    """
    awaited: Any = task.get_coro()
    frames = []
    while awaited is not None:
        kind = next((kind for kind in ("cr", "gi", "ag") if hasattr(awaited, f"{kind}_frame")), None)
        frame = getattr(awaited, f"{kind}_frame", None)
        if kind is None or frame is None:
            break
        frames.append((frame, frame.f_lineno))
        awaited = getattr(awaited, "gi_yieldfrom" if kind == "gi" else f"{kind}_await", None)
    stack = "".join(traceback.StackSummary.extract(iter(frames)).format())
    return f"{task!r}:\n{stack}".rstrip("\n")


def format_greenlets(greenlets: list[Any]) -> str:
    """Write down where greenlets wait, those in the same place once: ``"greenlets: 3 ..."``. One that runs has no stack
    here.
    """
    counts = Counter(format_frame(greenlet.gr_frame) for greenlet in greenlets if greenlet.gr_frame is not None)
    return "\n".join(f"greenlets: {count}\n{stack}" for stack, count in counts.most_common(STACKS_MAX))
