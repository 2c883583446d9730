"""What every worker does before it serves and after: boot failures, exit codes, hooks. With sync workers."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from fake_gateway import make_environ
from test_sync_worker import answer, blocked, echo
from tunicorn_worker.worker_life import exit_code

if TYPE_CHECKING:
    from pathlib import Path

    from fake_gateway import FakeGateway


@pytest.mark.parametrize(
    ("source", "app", "code", "lines"),
    [
        ("app = None", "mod:nosuch", 4, ["Failed to find attribute 'nosuch' in 'mod'.\n"]),
        ("app = 1", "mod:app", 4, ["Application object must be callable.\n"]),
        (
            "import nosuch",
            "mod:app",
            3,
            ["[ERROR] Exception in worker process\nTraceback", "No module named 'nosuch'\n"],
        ),
        ("1/0", "mod", 3, ["ZeroDivisionError: division by zero\ndivision by zero\n"]),
        ("def app(", "mod", 3, ["SyntaxError"]),
        ("import sys; sys.exit(7)", "mod", 7, []),
    ],
)
def test_boot_failures(start: Any, tmp_path: Path, source: str, app: str, code: int, lines: list[str]) -> None:
    (tmp_path / "mod.py").write_text(source)
    worker = start(app=app, chdir=str(tmp_path), loglevel="info")
    assert worker.exit_code() == code
    for line in [*lines, "[INFO] Worker exiting (pid: "]:
        assert line in worker.log


def test_imports_the_application_and_names_its_standard_modules(
    start: Any, gateway: FakeGateway, tmp_path: Path
) -> None:
    (tmp_path / "mod.py").write_text(
        "import os, wave\ndef app(e, s):\n    s('200 OK', [])\n    return [os.environ['FROM_CONFIG'].encode()]\n"
    )
    worker = start(app="mod:app", chdir=str(tmp_path), raw_env=["FROM_CONFIG=a=b"])
    assert worker.event()["ev"] == "started"
    modules = worker.event()["modules"]
    assert "wave" in modules
    assert "mod" not in modules
    worker.link(gateway)
    gateway.request(1, make_environ())
    assert answer(gateway) == (1, b"a=b")


def test_atexit_functions_run(start: Any, tmp_path: Path) -> None:
    (tmp_path / "mod.py").write_text(
        "import atexit, os\natexit.register(lambda: os.write(2, b'bye\\n'))\ndef app(e, s): pass\n"
    )
    worker = start(app="mod:app", chdir=str(tmp_path)).boot()
    worker.say("stop")
    assert worker.exit_code() == 0
    assert worker.log.endswith("bye\n")


def hook(name: str) -> Any:
    """A hook that writes its name and what it sees of the worker into the log."""

    def write(*arguments: Any) -> None:
        worker = arguments[-1]
        os.write(2, f"hook {name} {len(arguments)} booted={worker.booted} alive={worker.alive}\n".encode())

    return write


LIFE_HOOKS = {name: hook(name) for name in ("post_worker_init", "worker_int", "worker_abort", "worker_exit")}


def hooks_called(log: str) -> list[str]:
    return [line.removeprefix("hook ") for line in log.splitlines() if line.startswith(("hook ", "atexit"))]


def test_hooks_of_a_worker_that_stops(start: Any, gateway: FakeGateway) -> None:
    worker = start(echo, **LIFE_HOOKS).boot()
    worker.link(gateway)
    worker.say("stop")
    assert worker.exit_code() == 0
    assert hooks_called(worker.log) == [
        "post_worker_init 1 booted=False alive=True",
        "worker_exit 2 booted=True alive=False",
    ]
    assert worker.log.index("Worker exiting") < worker.log.index("hook worker_exit")


@pytest.mark.parametrize("busy", [False, True])
def test_hooks_of_a_worker_that_quits(start: Any, gateway: FakeGateway, busy: bool) -> None:
    worker = start(blocked, **LIFE_HOOKS).boot()
    worker.link(gateway)
    if busy:
        gateway.request(1, make_environ())
        worker.wait_for_log("application runs")
    worker.say("quit")
    os.kill(worker.pid, signal.SIGQUIT)
    assert worker.exit_code() == 0
    assert hooks_called(worker.log)[1:] == [
        "worker_int 1 booted=True alive=False",
        "worker_exit 2 booted=True alive=False",
    ]


def test_a_worker_that_serves_finishes_when_dismissed(start: Any, gateway: FakeGateway, tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    def held(environ: Any, start_response: Any) -> Any:
        os.write(2, b"application runs\n")
        while not gate.exists():
            time.sleep(0.01)
        return echo(environ, start_response)

    worker = start(held).boot()
    worker.link(gateway)
    gateway.request(1, make_environ())
    worker.wait_for_log("application runs")
    worker.say("stop")
    os.kill(worker.pid, signal.SIGQUIT)
    gate.touch()
    assert answer(gateway)[0] == 1
    assert worker.exit_code() == 0


def test_a_worker_that_imports_leaves_when_dismissed(start: Any, tmp_path: Path) -> None:
    (tmp_path / "mod.py").write_text("import os, time\nos.write(2, b'importing\\n')\ntime.sleep(600)\n")
    worker = start(app="mod:app", chdir=str(tmp_path))
    worker.wait_for_log("importing")
    worker.say("stop")
    os.kill(worker.pid, signal.SIGQUIT)
    assert worker.exit_code() == 0


def test_hooks_of_a_worker_that_is_aborted(start: Any, gateway: FakeGateway) -> None:
    worker = start(blocked, **LIFE_HOOKS).boot()
    worker.link(gateway)
    gateway.request(1, make_environ())
    worker.wait_for_log("application runs")
    os.kill(worker.pid, signal.SIGABRT)
    assert worker.exit_code() == 1
    assert hooks_called(worker.log)[1:] == [
        "worker_abort 1 booted=True alive=False",
        "worker_exit 2 booted=True alive=False",
    ]


def test_a_worker_whose_hook_fails_has_not_booted(start: Any) -> None:
    def fails(_worker: Any) -> None:
        raise LookupError("not today")

    worker = start(echo, post_worker_init=fails, worker_exit=hook("worker_exit"))
    assert worker.exit_code() == 3
    assert "[ERROR] Exception in worker process\nTraceback" in worker.log
    assert hooks_called(worker.log) == ["worker_exit 2 booted=False alive=True"]


@pytest.mark.parametrize(("value", "code", "text"), [(None, 0, ""), (3, 3, ""), (256, 0, ""), ("why", 1, "why\n")])
def test_exit_codes(value: Any, code: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(SystemExit(value)) == code
    assert capsys.readouterr().err == text


def test_a_loop_that_fails_when_it_was_ready(start: Any) -> None:
    worker = start(echo).boot()
    worker.control.sendall(b"no json\n")
    assert worker.exit_code() == 255
