from __future__ import annotations

from pathlib import Path

import pytest
from gunicorn.util import load_class
from gunicorn.workers.base import Worker
from gunicorn.workers.gtornado import TornadoWorker

from programs import output_of
from test_gunicorn_package import WITHOUT
from tunicorn_worker.worker_class_loader import describe_help, load_worker_class, missing_module


class Mine(Worker):  # type: ignore[misc, unused-ignore]
    set_up = 0

    @classmethod
    def setup(cls) -> None:
        cls.set_up += 1


def test_finds_aliases_paths_entry_points_and_classes() -> None:
    assert load_worker_class("tornado") is TornadoWorker
    assert load_worker_class("gunicorn.workers.gtornado.TornadoWorker") is TornadoWorker
    assert load_worker_class("#tornado") is TornadoWorker
    assert load_worker_class(Mine) is Mine
    assert Mine.set_up == 1


@pytest.mark.parametrize("uri", ["nope", "nosuchmodule.Worker", "egg:nosuchdist#x", "egg:gunicorn#x"])
def test_what_is_not_there_is_said_as_gunicorn_does(uri: str) -> None:
    with pytest.raises(RuntimeError) as theirs:
        load_class(uri)
    with pytest.raises(RuntimeError) as ours:
        load_worker_class(uri)
    assert str(ours.value).startswith(f"class uri {uri!r} invalid or not found: \n\n[Traceback")
    last_line = str(theirs.value).strip().splitlines()[-2]
    assert last_line in str(ours.value)


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("os.NoSuch", "class uri 'os.NoSuch' invalid or not found: module 'os' has no attribute 'NoSuch'"),
        ("os.path", "class uri 'os.path' invalid or not found: <module "),
        ("collections.OrderedDict", "is no worker class"),
        (dict, "class uri <class 'dict'> invalid or not found: <class 'dict'> is no worker class"),
    ],
)
def test_what_is_no_worker_class(uri: object, text: str) -> None:
    with pytest.raises(RuntimeError) as error:
        load_worker_class(uri)
    assert text in str(error.value)


def failing(missing: str) -> RuntimeError:
    try:
        try:
            raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)
        except ImportError as error:
            raise RuntimeError("class uri ...") from error
    except RuntimeError as error:
        return error


@pytest.mark.parametrize(
    ("uri", "missing", "words"),
    [
        ("tornado", "tornado", "pip install tornado"),
        ("aiohttp.GunicornWebWorker", "aiohttp.worker", "pip install aiohttp"),
        ("uvicorn_worker.UvicornWorker", "uvicorn_worker", "pip install uvicorn-worker"),
        ("mine.Worker", "mine", "There is no module 'mine' on the import path: install it, or name its folder with"),
    ],
)
def test_what_would_help(uri: str, missing: str, words: str) -> None:
    assert missing_module(failing(missing)) == missing
    assert words in describe_help(uri, failing(missing))


def test_a_bare_name_that_nobody_knows() -> None:
    assert "Worker classes are sync, gthread," in describe_help("nope", RuntimeError())
    assert describe_help("mine.Worker", RuntimeError()) == ""


def test_without_the_package_its_own_classes_are_asked_for_by_pip(tmp_path: Path) -> None:
    (tmp_path / "sub.py").write_text("from gunicorn.workers.sync import SyncWorker\nclass Mine(SyncWorker): ...\n")
    (tmp_path / "base.py").write_text("from gunicorn.workers.base import Worker\nclass Mine(Worker): ...\n")
    program = f"""
sys.path.insert(0, {str(tmp_path)!r})
from tunicorn_worker.worker_class_loader import load_worker_class
print(load_worker_class("base.Mine"))
for uri in ("sub.Mine", "tornado", "egg:gunicorn#tornado", "nope", "egg:nosuch"):
    try:
        load_worker_class(uri)
    except RuntimeError as error:
        print(str(error).splitlines()[0], str(error).splitlines()[-1])
"""
    assert output_of(WITHOUT + program).splitlines() == [
        "<class 'base.Mine'>",
        (
            "class uri 'sub.Mine' invalid or not found:  The class needs gunicorn.workers.sync of the gunicorn package,"
            " which is not installed: pip install gunicorn"
        ),
        (
            "class uri 'tornado' invalid or not found:  The package is not in the application's environment: pip"
            " install tornado"
        ),
        (
            "class uri 'egg:gunicorn#tornado' invalid or not found:  The class needs gunicorn of the gunicorn package,"
            " which is not installed: pip install gunicorn"
        ),
        (
            "class uri 'nope' invalid or not found:  Worker classes are sync, gthread, gevent, tornado and asgi, or the"
            " dotted path of one: package.Class"
        ),
        (
            "class uri 'egg:nosuch' invalid or not found:  There is no module 'nosuch' on the import path: install it,"
            " or name its folder with --pythonpath"
        ),
    ]
