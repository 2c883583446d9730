from __future__ import annotations

from pathlib import Path

import pytest

from fake_gateway import make_config
from programs import output_of
from tunicorn_worker.errors import AppImportError
from tunicorn_worker.worker_code import ServingCode


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (SystemExit(7), 7, []),
        (SystemExit(None), 0, []),
        (
            AppImportError("Failed to find attribute 'x' in 'app'."),
            4,
            ["[ERROR] Failed to find attribute 'x' in 'app'."],
        ),
        (ValueError("broken"), 3, ["[ERROR] Exception while loading the application", "ValueError: broken"]),
    ],
)
def test_load_failures(error: BaseException, code: int, lines: list[str], tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("")
    assert ServingCode().log_load_failure(make_config(errorlog=str(path)), error) == code
    text = path.read_text()
    assert [line for line in lines if line not in text] == []
    assert bool(text) is bool(lines)


def test_loads_what_the_settings_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app_of_worker_code.py").write_text("def application(environ, start_response): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    application = ServingCode().load_application(make_config("app_of_worker_code", chdir=str(tmp_path)))
    assert getattr(application, "__name__", None) == "application"


@pytest.mark.parametrize(
    ("kind", "limit", "imported"), [("gthread", 5, True), ("gthread", 0, False), ("sync", 5, False)]
)
def test_what_interrupts_threads_is_imported_before_user_code_and_only_there(
    kind: str, limit: int, imported: bool
) -> None:
    program = f"""
import sys
from types import SimpleNamespace
from tunicorn_worker.worker_code import find_class
find_class(SimpleNamespace(worker_kind={kind!r}, request_timeout={limit}))
print("ctypes" in sys.modules)
"""
    assert output_of(program) == f"{imported}\n"
