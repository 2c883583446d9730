"""Runs small Python programs that may use the package: for what changes a whole process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PACKAGE = str(Path(__file__).parents[2] / "python")
# Generous: it only ends a program that hangs.
PATIENCE_S = 30


def run_program(source: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; its exit code is the caller's to check."""
    return subprocess.run(
        [sys.executable, "-c", source, *arguments],
        env={"PYTHONPATH": PACKAGE, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def output_of(source: str, *arguments: str, **environment: str) -> str:
    """Run a program that is to succeed; returns what it printed."""
    done = run_program(source, *arguments, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout
