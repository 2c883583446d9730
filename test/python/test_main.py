from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "python" / "tunicorn_worker" / "__main__.py"


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["init"]])
def test_usage(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, PROGRAM, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "is a part of tunicorn, which starts it by itself" in done.stderr


def test_nursery_without_an_arbiter() -> None:
    done = subprocess.run([sys.executable, PROGRAM, "nursery"], capture_output=True, text=True, env={}, check=False)
    assert done.returncode == 1
    assert "no channel to the arbiter" in done.stderr


@pytest.mark.parametrize("relative", [False, True])
def test_package_is_on_no_import_path(relative: bool) -> None:
    program = (
        "import sys, runpy; sys.path.insert(0, {directory!r})\n"
        "module = runpy.run_path({path!r}, run_name='tunicorn_program')\n"
        "path = list(sys.path); module['load_package'](); del path[0]\n"
        "import tunicorn_worker.exit_status; assert sys.path == path, sys.path\n"
    )
    path = PROGRAM.relative_to(PROGRAM.parents[2]) if relative else PROGRAM
    program = program.format(directory=str(path.parent), path=str(path))
    subprocess.run([sys.executable, "-c", program], check=True, cwd=PROGRAM.parents[2], env={})


def test_importing_it_does_nothing() -> None:
    """multiprocessing's spawn imports the main program's file in each of its processes."""
    program = f"import runpy; runpy.run_path({str(PROGRAM)!r}, run_name='__mp_main__')"
    subprocess.run([sys.executable, "-c", program], check=True, env={})


def test_start_imports_nothing_slow() -> None:
    """Everything up to the first fork: what takes milliseconds is imported later, or never."""
    slow = ("asyncio", "ctypes", "dataclasses", "inspect", "subprocess", "tempfile", "setproctitle", "importlib.util")
    program = (
        f"import sys, runpy; sys.path.insert(0, {str(PROGRAM.parent)!r}); before = set(sys.modules)\n"
        f"module = runpy.run_path({str(PROGRAM)!r}, run_name='tunicorn_program'); module['load_package']()\n"
        "import tunicorn_worker.nursery_program, tunicorn_worker.nursery\n"
        f"print(sorted(set({slow!r}) & (set(sys.modules) - before)))"
    )
    # -I -S: a bare interpreter, without what site-packages' .pth files import.
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
