"""What finds gevent and eventlet, and what is said without them. Each runs in a process that it may patch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tunicorn_worker.green_library import version_numbers

HALF = Path(__file__).parents[2] / "python"


def run(program: str, *paths: Path) -> str:
    code = f"import sys; sys.path[:0] = {[str(HALF), *map(str, paths)]!r}\n{program}"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


USE = """
from tunicorn_worker.green_library import {name}
library = {name}()
library.begin()
import socket, threading, time
news = library.make_news()
seen = []
def wait():
    seen.append(library.in_hub())
    time.sleep(0.01)
    news.release()
def sleep():
    try:
        time.sleep(1000)
    except BaseException as error:
        seen.append(type(error).__name__)
library.spawn(wait)
sleeper = library.spawn(sleep)
library.pause()
assert news.acquire(timeout=30)
library.kill(sleeper)
library.pause()
one, other = socket.socketpair()
end = library.adopt(one.detach())
library.spawn(lambda: other.sendall(b"hello"))
seen.append(end.recv(5))
print(seen)
"""


@pytest.mark.parametrize("name", ["Gevent", "Eventlet"])
def test_runs_greenlets(name: str) -> None:
    assert run(USE.format(name=name)) == "[False, 'GreenletExit', b'hello']\n"


HUB = {
    "Gevent": "import gevent; gevent.get_hub().loop.run_callback(look)",
    "Eventlet": "import eventlet.hubs; eventlet.hubs.get_hub().schedule_call_global(0, look)",
}


@pytest.mark.parametrize("name", ["Gevent", "Eventlet"])
def test_knows_the_hub(name: str) -> None:
    program = f"""
from tunicorn_worker.green_library import {name}
library = {name}()
news = library.make_news()
def look():
    print(library.in_hub())
    news.release()
{HUB[name]}
news.acquire(timeout=30)
"""
    assert run(program) == "True\n"


REFUSED = """
import tunicorn_worker.green_library as green
try:
    green.{name}()
except RuntimeError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("name", "module", "text"),
    [
        (
            "Gevent",
            "raise ImportError('none')",
            "gevent worker requires gevent 24.10.1 or higher: pip install gevent\n",
        ),
        (
            "Gevent",
            "__version__ = '24.2.1'",
            "gevent worker requires gevent 24.10.1 or higher, not 24.2.1: pip install -U gevent\n",
        ),
        ("Eventlet", "raise ImportError('none')", "eventlet worker requires eventlet: pip install eventlet\n"),
    ],
)
def test_says_what_to_install(tmp_path: Path, name: str, module: str, text: str) -> None:
    (tmp_path / f"{name.lower()}.py").write_text(module)
    assert run(REFUSED.format(name=name), tmp_path) == text


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("24.10.1", (24, 10, 1)), ("24.10.1.dev0", (24, 10, 1)), ("25.4", (25, 4)), ("26.9.0.1", (26, 9, 0))],
)
def test_version_numbers(version: str, numbers: tuple[int, ...]) -> None:
    assert version_numbers(version) == numbers
