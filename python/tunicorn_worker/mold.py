"""A mold: one process per generation that has imported the application and forks that generation's workers.

So a preloaded application is new after a reload, and a broken import kills a mold, never the nursery.
"""

from __future__ import annotations

import gc
import os

# By their names: gevent and eventlet put functions of their own into these modules, and a mold
# has no hub that could run them.
from os import fork, waitpid
from select import select
from socket import socket

from tunicorn_worker.line_channel import LineChannel
from tunicorn_worker.process_title import PREDECESSOR_VARIABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tunicorn_worker.line_channel import Message

    WorkerTask = Callable[[], int]

NURSERY_GONE_CODE = 0


class Mold:
    """The nursery's side: asks for workers. They may be asked for while the mold still imports; it forks them in
    order.
    """

    def __init__(self, generation: int, pid: int, channel: LineChannel) -> None:
        self.generation = generation
        self.pid = pid
        self.channel = channel
        self.loaded = False
        self.retired = False
        self.unborn: set[int] = set()
        """Numbers of workers that were asked for and not forked yet."""

    def ask(self, number: int, control: socket, *, report_modules: bool, notes: str | None) -> None:
        """notes: what `pre_fork` has left on the worker, as text."""
        self.unborn.add(number)
        request = {"cmd": "fork", "worker": number, "report_modules": report_modules, "notes": notes}
        self.channel.send(request, [control.fileno()])

    def promote(self) -> None:
        """The master that was to be replaced has ended: see Nursery."""
        self.channel.send({"cmd": "promoted"})


def run_mold(
    end: socket,
    load: Callable[[], object],
    make_task: Callable[[socket, object, Message], WorkerTask],
    release_signals: Callable[[], None],
) -> int:
    """The mold's life: imports, then forks a worker per request until the nursery closes the channel.

    load: imports the application and returns it. What it raises ends the mold; its traceback has then been logged
    by `load`.
    make_task(control, application, request): what a worker will run.
    release_signals: called in each worker, which starts with signals as a fresh process.

    Returns the process's exit code; in a worker, what the worker returns.
    """
    application = load()
    # What is imported now is never collected in the workers, so that their collectors do not copy the pages.
    gc.collect()
    gc.freeze()
    task = fork_workers(LineChannel(end), application, make_task)
    if task is None:
        return NURSERY_GONE_CODE
    release_signals()
    return task()


def fork_workers(
    nursery: LineChannel, application: object, make_task: Callable[[socket, object, Message], WorkerTask]
) -> WorkerTask | None:
    """Returns in the mold with None, when the nursery has gone or needs it no more; in each worker with its task."""
    nursery.send({"ev": "loaded"})
    while not nursery.ended:
        select([nursery], [], [])
        for message in nursery.receive():
            if message["cmd"] == "promoted":
                os.environ.pop(PREDECESSOR_VARIABLE, None)
                continue
            descriptor = nursery.take_descriptor()
            assert descriptor is not None, "every request brings the worker's end of its control channel"
            control = socket(fileno=descriptor)
            number = int(message["worker"])
            if fork_twice(nursery, number):
                nursery.close()
                return make_task(control, application, message)
            control.close()
    return None


def fork_twice(nursery: LineChannel, number: int) -> bool:
    """Forks a worker that becomes the nursery's child, for that is the subreaper, and returns True in it.

    The process between tells the worker's pid before it ends; only then can the nursery reap the worker, so it
    always knows whom.
    """
    try:
        between = fork()
    except OSError as error:
        nursery.send({"ev": "fork-failed", "worker": number, "text": str(error)})
        return False
    if between:
        waitpid(between, 0)
        return False
    try:
        worker = fork()
    except OSError as error:
        nursery.send({"ev": "fork-failed", "worker": number, "text": str(error)})
        os._exit(1)
    if worker:
        nursery.send({"ev": "forked", "worker": number, "pid": worker})
        os._exit(0)
    return True
