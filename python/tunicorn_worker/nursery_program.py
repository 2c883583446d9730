"""The nursery as a program: what others wait for comes first, then it imports what can be late."""

from __future__ import annotations

import os
import sys

from tunicorn_worker.descriptors import Holdings
from tunicorn_worker.gateway_process import GatewayProcess, spawn_gateway
from tunicorn_worker.group_signals import GroupSignals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tunicorn_worker.forking import Task
    from tunicorn_worker.node_ipc import NodeChannel
    from tunicorn_worker.worker_code import WorkerCode

ARGUMENTS_VARIABLE = "TUNICORN_ARGV"
"""A JSON list, the user's command line: what sys.argv is for the configuration and the application."""
GATEWAY_VARIABLE = "TUNICORN_GATEWAY"
"""The gateway's command, one word a line, when it is to be started at once: Node takes longest to boot. Not JSON, which
would have to be imported first.
"""
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
    early_gateway = start_early_gateway()

    import json

    from tunicorn_worker.node_ipc import NodeChannel
    from tunicorn_worker.surroundings import launch_directory, make_importable

    arbiter = holdings.hold(NodeChannel.from_environment())
    arbiter.send(
        {"ev": "hello", "pid": os.getpid(), "python": sys.version.partition(" ")[0], "executable": sys.executable}
    )
    sys.argv = json.loads(os.environ.pop(ARGUMENTS_VARIABLE, '["tunicorn"]'))
    open_files = os.environ.pop(OPEN_FILES_VARIABLE, "")
    make_importable(launch_directory())
    task = serve(
        arbiter, holdings, signals, make_code, int(open_files) if open_files.isdecimal() else None, early_gateway
    )
    return task if isinstance(task, int) else task()


def start_early_gateway() -> GatewayProcess | None:
    """Starts the gateway while everything else is still being read; None when that was not asked for, or failed.

    A failure is met again, and reported, when the arbiter's `gateway` command is carried out.
    """
    command = os.environ.pop(GATEWAY_VARIABLE, "")
    if not command:
        return None
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NODE_CHANNEL_")}
    try:
        return spawn_gateway(command.split("\n"), environment)
    except OSError:
        return None


def serve(
    arbiter: NodeChannel,
    holdings: Holdings,
    signals: GroupSignals,
    make_code: Callable[[], WorkerCode],
    open_files: int | None,
    early_gateway: GatewayProcess | None,
) -> int | Task:
    """Returns the nursery's exit code; in a child, what it has to run. The nursery itself is garbage by then."""
    from tunicorn_worker.forking import ForkedChild
    from tunicorn_worker.nursery import Nursery

    try:
        return Nursery(
            arbiter, holdings, signals, make_code(), open_files=open_files, early_gateway=early_gateway
        ).run()
    except ForkedChild as child:
        return child.task
