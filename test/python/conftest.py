"""In CI a skipped test is a failure: nothing may look green that was not run."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

_IN_CI = os.environ.get("CI") == "true"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the report of a skipped test into a failure."""
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the report of a skipped module into a failure."""
    return _refuse_skip((yield))


def _refuse_skip(report: Any) -> Any:
    if _IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, and in CI a skipped test is a failure: {report.longrepr}"
    return report
