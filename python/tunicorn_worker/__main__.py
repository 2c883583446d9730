"""`PYTHON .../tunicorn_worker/__main__.py nursery`, `... init COMMAND...`, `... notify COMMAND...`, `... peer`,
`... statsd ADDRESS`: the programs of the Python half.

Run as a file, so that the user's interpreter needs nothing installed. The package is loaded from beside this file
and is then on
no import path: its modules must not shadow the application's (`wsgi`, `config`), nor be found by accident.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tunicorn_worker.worker_code import WorkerCode


def ignore_interrupt() -> None:
    """Ctrl-C reaches the whole group; until GroupSignals takes over, Python would answer it with a traceback.

    Of the built-in module: the import of `signal` would take a part of the time that this is for.
    """
    from _signal import SIG_IGN, SIGINT, signal  # type: ignore[import-not-found]

    signal(SIGINT, SIG_IGN)


def load_package() -> None:
    """Imports the package from where this file is. Its modules are found through it from then on, without sys.path.

    Python has put this file's directory in front of sys.path, unless it was told not to (-P, -I).
    """
    directory = __file__.rpartition("/")[0] or "."
    parent = directory.rpartition("/")[0] or ("/" if directory.startswith("/") else ".")
    if sys.path and sys.path[0] == directory:
        del sys.path[0]
    sys.path.insert(0, parent)
    import tunicorn_worker  # noqa: F401

    sys.path.remove(parent)


def load_worker_code() -> WorkerCode:
    from tunicorn_worker.worker_code import ServingCode

    return ServingCode()


def main() -> int:
    # Not for the others: the command that they start would inherit it.
    if sys.argv[1:2] == ["nursery"]:
        ignore_interrupt()
    load_package()
    if sys.argv[1:2] == ["nursery"]:
        from tunicorn_worker.nursery_program import run_nursery

        return run_nursery(load_worker_code)
    if sys.argv[1:2] == ["init"] and sys.argv[2:]:
        from tunicorn_worker.init import run_init

        return run_init(sys.argv[2:])
    if sys.argv[1:] == ["peer"]:
        from tunicorn_worker.socket_peer import print_peer

        return print_peer()
    if sys.argv[1:2] == ["notify"] and sys.argv[2:]:
        from tunicorn_worker.notify_socket import run_connected

        run_connected(sys.argv[2:])
    if sys.argv[1:2] == ["statsd"] and sys.argv[2:]:
        from tunicorn_worker.statsd_forwarder import run_forwarder

        return run_forwarder(sys.argv[2])
    sys.stderr.write(
        f"{sys.argv[0]} is a part of tunicorn, which starts it by itself: nursery | init COMMAND... | "
        "notify COMMAND... | peer | statsd ADDRESS\n"
    )
    return 2


if __name__ == "__main__":
    sys.exit(main())
