"""What is told to the arbiter, which watches."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from tunicorn_worker import source_reporter
from tunicorn_worker.source_reporter import SourceReporter, files_of

if TYPE_CHECKING:
    from pathlib import Path


class Told:
    def __init__(self) -> None:
        self.files: list[str] = []

    def __call__(self, message: dict[str, Any]) -> None:
        assert message["ev"] == "sources"
        self.files += message["files"]


def test_modules_without_the_library_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    reporter = SourceReporter(told, ())
    reporter.look()
    assert source_reporter.__file__ in told.files
    assert pytest.__file__ in told.files
    assert warnings.__file__ not in told.files
    before = len(told.files)
    (tmp_path / "fresh_module.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__("fresh_module")
    reporter.look()
    assert told.files[before:] == [str(tmp_path / "fresh_module.py")]
    del sys.modules["fresh_module"]


def test_extra_files_patterns_and_links(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("a.html", "deep/b.html", "c.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "c.txt")
    told = Told()
    reporter = SourceReporter(told, (f"{tmp_path}/**/*.html", f"{tmp_path}/link"))
    reporter.look()
    found = {file for file in told.files if file.startswith(str(tmp_path))}
    assert found == {str(tmp_path / name) for name in ("a.html", "deep/b.html", "link", "c.txt")}


def test_a_pattern_that_fits_nothing_is_warned_of() -> None:
    with pytest.warns(RuntimeWarning, match=r"^Pattern zz/\*\.x currently matches no files\.$"):
        SourceReporter(Told(), ("zz/*.x",)).look()


def test_files_of_errors(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def (:\n")
    try:
        compile("def (:", str(tmp_path / "broken.py"), "exec")
    except SyntaxError as error:
        assert files_of(error) == {str(tmp_path / "broken.py"), __file__}
