from __future__ import annotations

import logging
from typing import Any

import pytest

from fake_gateway import make_config
from tunicorn_worker.loggers import Loggers
from tunicorn_worker.server_log import ServerLog
from tunicorn_worker.statsd import Statsd
from tunicorn_worker.statsd_log import StatsdLog, server_log


class Recorder(Statsd):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 9))
        self.sent: list[str] = []

    def _metric(self, text: str) -> None:
        self.sent.append(text)


def gauge(value: object) -> dict[str, Any]:
    return {"metric": "app.users", "value": value, "mtype": "gauge"}


def test_metrics_of_calls(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gunicorn.error")
    statsd = Recorder()
    log = StatsdLog(Loggers(), statsd)
    log.info("%d users", 3, extra=gauge(3))
    log.info("", extra=gauge(4))
    # What the level hides is sent all the same.
    log.debug("hidden", extra=gauge(5))
    log.log("warning", "by name", extra=gauge(6))
    log.info("none", extra={"other": 1})
    log.warning("plain", extra=gauge(7))
    log.timer("app.time", 0.5)
    assert statsd.sent == [f"app.users:{value}|g" for value in (3, 4, 5, 6)] + ["app.time:0.5|ms"]
    assert [record.getMessage() for record in caplog.records] == ["3 users", "by name", "none", "plain"]


def test_an_extra_that_is_no_dictionary_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    StatsdLog(Loggers(), Recorder()).info("x", extra=3)
    assert [record.getMessage() for record in caplog.records] == ["Failed to log to statsd"]


def test_it_is_there_when_the_settings_want_it() -> None:
    assert type(server_log(Loggers(), make_config())) is ServerLog
    assert type(server_log(Loggers(), make_config(statsd_host=("127.0.0.1", 9)))) is StatsdLog
