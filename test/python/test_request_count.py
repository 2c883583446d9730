from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from fake_gateway import make_config
from tunicorn_worker.request_count import CountedCaller, RequestCount, make_count

LOG = logging.getLogger("test.request_count")


def test_the_line_and_the_word_come_once_at_the_limit(caplog: pytest.LogCaptureFixture) -> None:
    worn: list[int] = []
    counted = RequestCount(3, LOG, worn.append)
    with caplog.at_level("INFO"):
        for _ in range(2):
            counted.begin()
        assert (worn, caplog.messages) == ([], [])
        for _ in range(5):
            counted.begin()
    assert (worn, caplog.messages) == ([3], ["Autorestarting worker after current request."])


def test_threads_count_together() -> None:
    worn: list[int] = []
    counted = RequestCount(4000, LOG, worn.append)

    def begin_many() -> None:
        for _ in range(1000):
            counted.begin()

    threads = [threading.Thread(target=begin_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert worn == [4000]


def test_each_worker_draws_its_jitter() -> None:
    assert make_count(make_config(max_requests=0, max_requests_jitter=5), LOG, print) is None
    limits = set()
    for _ in range(500):
        counted = make_count(make_config(max_requests=10, max_requests_jitter=2), LOG, print)
        assert counted is not None
        limits.add(counted.limit)
    assert limits == {10, 11, 12}


def test_a_request_is_counted_before_it_is_served() -> None:
    done: list[str] = []

    class Caller:
        def call(self, channel: Any, environ: dict[str, Any]) -> None:
            done.append(f"{channel} {environ}")

    caller = CountedCaller(Caller(), RequestCount(1, LOG, lambda _: done.append("worn")))
    channel: Any = "channel"
    caller.call(channel, {})
    assert done == ["worn", "channel {}"]
