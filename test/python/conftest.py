"""In CI a skipped test is a failure: nothing may look green that was not run. And nothing waits for ever."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from fake_gateway import FakeGateway
from tunicorn_worker.sync_worker import SyncWorker
from worker_process import WorkerProcess

_IN_CI = os.environ.get("CI") == "true"
# No test waits for time: most take milliseconds, the slowest a second. Later than pytest's faulthandler_timeout, which
# shows where it hangs.
_TEST_SECONDS_MAX = 90


@pytest.fixture(autouse=True)
def _end_what_hangs() -> Iterator[None]:
    """Fail a test that waits for something that does not come. Forked children have no timer."""

    def fail(_number: int, _frame: object) -> None:
        raise TimeoutError(f"the test took more than {_TEST_SECONDS_MAX} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(_TEST_SECONDS_MAX)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def start() -> Iterator[Callable[..., WorkerProcess]]:
    """Start workers; what is left of them ends with the test."""
    workers: list[WorkerProcess] = []

    def make(application: Any = None, *, worker_class: Any = SyncWorker, **config: Any) -> WorkerProcess:
        workers.append(WorkerProcess(worker_class, application, **config))
        return workers[-1]

    yield make
    for worker in workers:
        worker.close()


@pytest.fixture
def gateways() -> Iterator[list[FakeGateway]]:
    gateways = [FakeGateway(), FakeGateway()]
    yield gateways
    for gateway in gateways:
        gateway.close()


@pytest.fixture
def gateway(gateways: list[FakeGateway]) -> FakeGateway:
    return gateways[0]


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
