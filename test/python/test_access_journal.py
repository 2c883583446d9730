"""Access lines that wait for the application and for the gateway."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tunicorn_worker import access_journal
from tunicorn_worker.access_journal import AccessJournal
from tunicorn_worker.wire import COMPLETION

REPORT = COMPLETION.pack(200, 5, 1_500_000)


class NotedLog:
    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.failures: list[str] = []

    def access(self, resp: Any, req: Any, environ: Any, request_time: timedelta) -> None:
        if environ.get("bad"):
            raise ValueError("a logger of the user's")
        self.lines.append((resp.status, resp.sent, req, environ, request_time.total_seconds()))

    def exception(self, message: str) -> None:
        self.failures.append(message)


def begin(journal: AccessJournal, stream: int, **environ: Any) -> None:
    line = journal.open(stream)
    line.request, line.environ = f"request {stream}", environ
    line.response = SimpleNamespace(status="200 OK", headers=[])


def test_a_line_waits_for_both() -> None:
    log = NotedLog()
    journal = AccessJournal(log)
    begin(journal, 1)
    begin(journal, 2)
    journal.end(1)
    journal.report(2, REPORT)
    assert log.lines == []
    journal.report(1, REPORT)
    journal.end(2)
    assert log.lines == [("200 OK", 5, "request 1", {}, 1.5), ("200 OK", 5, "request 2", {}, 1.5)]
    # Nothing is written twice.
    journal.end(1)
    journal.report(2, REPORT)
    assert len(log.lines) == 2


def test_unknown_requests_are_nobodys() -> None:
    log = NotedLog()
    journal = AccessJournal(log)
    journal.report(7, REPORT)
    journal.end(7)
    assert log.lines == []


def test_a_logger_that_fails_loses_its_line_only() -> None:
    log = NotedLog()
    journal = AccessJournal(log)
    begin(journal, 1, bad=True)
    begin(journal, 2)
    for stream in (1, 2):
        journal.end(stream)
        journal.report(stream, REPORT)
    assert log.failures == ["Exception in the access log"]
    assert len(log.lines) == 1


def test_reports_that_never_come_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_journal, "OPEN_MAX", 3)
    log = NotedLog()
    journal = AccessJournal(log)
    for stream in range(1, 6):
        begin(journal, stream)
        journal.end(stream)
    for stream in range(1, 6):
        journal.report(stream, REPORT)
    assert [line[2] for line in log.lines] == ["request 3", "request 4", "request 5"]
