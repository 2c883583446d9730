from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from fake_gateway import make_config
from tunicorn_worker.class_check import check_worker_class, look_at_direct, look_at_fed

SOURCE = """
import sys
from gunicorn.workers.base import Worker
class Content(Worker): ...
class Uvicorns(type("UvicornWorker", (Worker,), {"__module__": "uvicorn.workers"})):
    CONFIG_KWARGS = {"factory": True}
class Asks(Worker):
    @classmethod
    def check_config(cls, cfg, log):
        assert (cfg.workers, callable(log.info)) == (3, True)
class Refuses(Worker):
    @classmethod
    def check_config(cls, cfg, log):
        raise RuntimeError("not with these settings")
class Leaves(Worker):
    @classmethod
    def setup(cls):
        sys.exit(7)
class Breaks(Worker):
    @classmethod
    def setup(cls):
        raise KeyError("broken")
"""


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("Content", 0, ""),
        ("Asks", 0, ""),
        ("Uvicorns", 0, '{"options": [["factory", {"t": "bool", "v": true}]], "overrides": []}'),
        ("Refuses", 1, "\nError: not with these settings\n"),
        ("Leaves", 7, ""),
        ("Breaks", 1, "KeyError: 'broken'\n"),
        ("NoSuch", 1, "has no attribute 'NoSuch'\n"),
    ],
)
def test_what_is_told_of_a_class(
    name: str, code: int, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "classes_of_class_check.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    values: dict[str, Any] = {"workers": 3, "worker_class": f"classes_of_class_check.{name}", "errorlog": "/dev/null"}
    config = make_config(**values)
    reader, writer = os.pipe()
    assert check_worker_class(config, lambda: look_at_direct(config), writer) == code
    os.close(writer)
    with open(reader, "rb") as report:
        told = report.read().decode()
    assert told.endswith(text)
    assert bool(told) is bool(text)


def test_what_a_fed_class_needs_is_looked_for() -> None:
    def missing() -> object:
        raise RuntimeError("gevent worker requires gevent 24.10.1 or higher: pip install gevent")

    config = make_config(worker_class="gevent")
    reader, writer = os.pipe()
    assert check_worker_class(config, lambda: look_at_fed(config, missing), writer) == 1
    assert check_worker_class(config, lambda: look_at_fed(config, lambda: None), writer) == 0
    os.close(writer)
    with open(reader) as report:
        assert report.read() == (
            "\nError: class uri 'gevent' invalid or not found: \n\n"
            "gevent worker requires gevent 24.10.1 or higher: pip install gevent\n"
        )
