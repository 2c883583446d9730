"""Each in a process of its own."""

from __future__ import annotations

import pytest

from programs import run_program

BEGIN = "import atexit, os, sys, threading\nfrom tunicorn_worker.worker_exit import leave\n"


def run(program: str) -> tuple[int, str, str]:
    done = run_program(BEGIN + program)
    return done.returncode, done.stdout, done.stderr


def test_ends_as_a_program_does_but_runs_nothing_of_its_caller() -> None:
    program = """
atexit.register(lambda: print("atexit"))
try:
    leave(5)
finally:
    print("never")
"""
    assert run(program) == (5, "atexit\n", "")


@pytest.mark.parametrize("at_once", [False, True])
def test_threads(at_once: bool) -> None:
    program = f"""
go = threading.Event()
thread = threading.Thread(target=lambda: (go.wait(), print("thread is done")))
thread.start()
atexit.register(lambda: print("atexit"))
if not {at_once}:
    go.set()
leave(0, at_once={at_once})
"""
    code, out, _ = run(program)
    assert code == 0
    assert sorted(out.splitlines()) == (["atexit"] if at_once else ["atexit", "thread is done"])


def test_an_atexit_function_that_fails_is_told() -> None:
    code, _, err = run("atexit.register(lambda: 1 / 0)\nleave(0)")
    assert code == 0
    assert "ZeroDivisionError" in err


@pytest.mark.parametrize("loss", ["sys.stdout = None", "sys.stdout.close()", "os.close(1)"])
def test_streams_that_cannot_be_flushed(loss: str) -> None:
    code, _, err = run(f"print('lost')\n{loss}\nsys.stderr.write('kept')\nleave(3)")
    assert (code, err) == (3, "kept")
