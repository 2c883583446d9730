from __future__ import annotations

import os
import py_compile
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tunicorn_worker.config_file import CONFIG_MODULE, run_config

NAMES = ["bind", "workers", "on_starting"]


@pytest.fixture(autouse=True)
def _restore_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_picks_settings_in_their_order_and_keeps_the_objects(tmp_path: Path) -> None:
    path = write(
        tmp_path / "gunicorn.conf.py",
        "import os\nworkers = 2\nBIND = 'no'\ndef on_starting(server): pass\n"
        "bind = ['a', 'b']\nplace = (__name__, __file__)\n",
    )
    outcome = run_config("file", path, NAMES)
    assert outcome.status == "ok"
    assert list(outcome.values) == ["workers", "on_starting", "bind"]
    assert callable(outcome.values["on_starting"])
    assert vars(sys.modules[CONFIG_MODULE])["place"] == ("__config__", path)
    message = outcome.as_message()
    assert message["ev"] == "config-ran"
    assert message["values"][0] == ["workers", {"t": "int", "v": "2"}]


def test_reads_an_edit_of_the_same_second_and_size(tmp_path: Path) -> None:
    path = write(tmp_path / "gunicorn.conf.py", "workers = 1\n")
    os.utime(path, (1, 1))
    assert run_config("file", path, NAMES).values == {"workers": 1}
    write(tmp_path / "gunicorn.conf.py", "workers = 2\n")
    os.utime(path, (1, 1))
    assert run_config("file", path, NAMES).values == {"workers": 2}


@pytest.mark.parametrize("name", ["settings", "settings.conf"])
def test_any_extension_is_python(tmp_path: Path, name: str) -> None:
    assert run_config("file", write(tmp_path / name, "workers = 4"), NAMES).values == {"workers": 4}


def test_compiled_file(tmp_path: Path) -> None:
    source = write(tmp_path / "source.py", "workers = 5")
    compiled = str(tmp_path / "conf.pyc")
    py_compile.compile(source, cfile=compiled, doraise=True)
    assert run_config("file", compiled, NAMES).values == {"workers": 5}


def test_dev_null_is_an_empty_file() -> None:
    outcome = run_config("file", "/dev/null", NAMES)
    assert (outcome.status, outcome.values) == ("ok", {})


def test_missing_file() -> None:
    outcome = run_config("file", "/nope.py", NAMES)
    assert (outcome.status, outcome.text) == ("missing", "'/nope.py' doesn't exist")


def test_failing_file_shows_the_users_frames_only(tmp_path: Path) -> None:
    path = write(tmp_path / "c.py", "def f():\n    raise RuntimeError('boom')\nf()\n")
    outcome = run_config("file", path, NAMES)
    assert outcome.status == "failed"
    assert outcome.text.startswith(f'Traceback (most recent call last):\n  File "{path}", line 3, in <module>\n')
    assert outcome.text.endswith("RuntimeError: boom\n")


def test_syntax_error(tmp_path: Path) -> None:
    path = write(tmp_path / "c.py", "workers = = 2\n")
    outcome = run_config("file", path, NAMES)
    assert outcome.status == "failed"
    assert outcome.text.startswith(f'  File "{path}", line 1\n')
    assert "SyntaxError" in outcome.text


@pytest.mark.parametrize(
    ("statement", "code", "text"),
    [
        ("sys.exit()", 0, ""),
        ("sys.exit(7)", 7, ""),
        ("sys.exit(-1)", 255, ""),
        ("sys.exit('bye')", 1, "bye"),
    ],
)
def test_exit(tmp_path: Path, statement: str, code: int, text: str) -> None:
    outcome = run_config("file", write(tmp_path / "c.py", f"import sys\n{statement}\n"), NAMES)
    assert (outcome.status, outcome.code, outcome.text) == ("exited", code, text)


def test_module(tmp_path: Path) -> None:
    (tmp_path / "pkg_for_config").mkdir()
    write(tmp_path / "pkg_for_config" / "__init__.py", "")
    write(tmp_path / "pkg_for_config" / "conf.py", "workers = 6\n")
    assert run_config("module", "pkg_for_config.conf", NAMES).values == {"workers": 6}


@pytest.mark.parametrize("name", ["no_such_module", "no_such_package.conf"])
def test_missing_module(name: str) -> None:
    outcome = run_config("module", name, NAMES)
    assert outcome.status == "missing"
    assert outcome.text.startswith("No module named 'no_such_")


def test_module_that_imports_a_missing_one_has_failed(tmp_path: Path) -> None:
    path = write(tmp_path / "conf_that_imports.py", "import no_such_thing\n")
    outcome = run_config("module", "conf_that_imports", NAMES)
    assert outcome.status == "failed"
    assert outcome.text.startswith(f'Traceback (most recent call last):\n  File "{path}", line 1')
