"""In a process of its own: tracing is for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from programs import output_of

if TYPE_CHECKING:
    from pathlib import Path


def test_spew_writes_lines(tmp_path: Path) -> None:
    (tmp_path / "traced.py").write_text("one = 1\nif one:\n    two = 2\n")
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from tunicorn_worker.spew import spew
spew()
import traced
"""
    lines = output_of(program).splitlines()
    assert [line for line in lines if line.startswith("traced:")] == [
        "traced:1: one = 1",
        "traced:2: if one:",
        "traced:3:     two = 2",
    ]
