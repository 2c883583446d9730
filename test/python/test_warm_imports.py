from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tunicorn_worker.warm_imports import is_warmable

PACKAGE = str(Path(__file__).parents[2] / "python")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("json", True), ("xml.etree.ElementTree", True), ("flask", False), ("antigravity", False), ("idlelib.run", False)],
)
def test_is_warmable(name: str, expected: bool) -> None:
    assert is_warmable(name) is expected


def test_imports_the_standard_librarys_module_although_the_application_has_its_own(tmp_path: Path) -> None:
    (tmp_path / "colorsys.py").write_text("raise SystemExit('the application has run')")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); path = list(sys.path)\n"
        "from tunicorn_worker.warm_imports import warm\n"
        "warm(['colorsys', 'no_such.module', 'this', 'json.no_such', 'wave'])\n"
        "import json, gc\n"
        "print(json.dumps([sys.path == path, 'this' in sys.modules, sys.modules['colorsys'].__file__,"
        " 'wave' in sys.modules, gc.get_freeze_count() > 0]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], env={"PYTHONPATH": PACKAGE}, capture_output=True, check=True
    )
    same_path, has_this, file, has_wave, frozen = json.loads(done.stdout)
    assert (same_path, has_this, has_wave, frozen) == (True, False, True, True)
    assert not file.startswith(str(tmp_path))
