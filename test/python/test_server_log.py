from __future__ import annotations

import logging

import pytest

from tunicorn_worker.loggers import Loggers
from tunicorn_worker.server_log import ServerLog


def test_writes_to_the_error_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "gunicorn.error")
    log = ServerLog(Loggers())
    for name in ("critical", "error", "warning", "info", "debug"):
        getattr(log, name)("%s said", name)
    try:
        raise ValueError("why")
    except ValueError:
        log.exception("failed %d", 1)
    log.log("warning", "by name")
    log.log(logging.DEBUG, "by number")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("CRITICAL", "critical said"),
        ("ERROR", "error said"),
        ("WARNING", "warning said"),
        ("INFO", "info said"),
        ("DEBUG", "debug said"),
        ("ERROR", "failed 1"),
        ("WARNING", "by name"),
        ("DEBUG", "by number"),
    ]
    assert caplog.records[5].exc_info is not None
    assert (log.error_log.name, log.access_log.name) == ("gunicorn.error", "gunicorn.access")
    assert log.loglevel == logging.DEBUG
