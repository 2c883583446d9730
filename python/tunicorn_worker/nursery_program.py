"""The nursery as a program: says hello first, then imports what can be late."""

from __future__ import annotations

import json
import os
import sys

from tunicorn_worker.descriptors import Holdings
from tunicorn_worker.group_signals import GroupSignals
from tunicorn_worker.node_ipc import NodeChannel
from tunicorn_worker.surroundings import launch_directory, make_importable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tunicorn_worker.forking import Task
    from tunicorn_worker.worker_code import WorkerCode

ARGUMENTS_VARIABLE = "TUNICORN_ARGV"
"""A JSON list, the user's command line: what sys.argv is for the configuration and the application."""
OPEN_FILES_VARIABLE = "TUNICORN_NOFILE"
"""The soft RLIMIT_NOFILE before Node raised it, in digits. Absent: children keep the one that is."""


def run_nursery(make_code: Callable[[], WorkerCode]) -> int:
    """Runs the nursery, and in each of its children what the child is for. Returns the exit code of whichever
    process it returns in.

    make_code: called after hello, for it imports the rest of the package.
    """
    # First of all: Ctrl-C reaches the whole group, and a Python that imports would answer it with a traceback.
    holdings = Holdings()
    signals = GroupSignals(holdings)
    arbiter = holdings.hold(NodeChannel.from_environment())
    arbiter.send(
        {"ev": "hello", "pid": os.getpid(), "python": sys.version.partition(" ")[0], "executable": sys.executable}
    )
    sys.argv = json.loads(os.environ.pop(ARGUMENTS_VARIABLE, '["tunicorn"]'))
    open_files = os.environ.pop(OPEN_FILES_VARIABLE, "")
    make_importable(launch_directory())
    task = serve(arbiter, holdings, signals, make_code, int(open_files) if open_files.isdecimal() else None)
    return task if isinstance(task, int) else task()


def serve(
    arbiter: NodeChannel,
    holdings: Holdings,
    signals: GroupSignals,
    make_code: Callable[[], WorkerCode],
    open_files: int | None,
) -> int | Task:
    """Returns the nursery's exit code; in a child, what it has to run. The nursery itself is garbage by then."""
    from tunicorn_worker.forking import ForkedChild
    from tunicorn_worker.nursery import Nursery

    try:
        return Nursery(arbiter, holdings, signals, make_code(), open_files=open_files).run()
    except ForkedChild as child:
        return child.task
