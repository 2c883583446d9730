"""The nursery's side of a log that a Python logger writes."""

from __future__ import annotations

import logging
import marshal
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fake_gateway import make_config, make_environ
from tunicorn_worker.gunicorn_logger import Logger
from tunicorn_worker.loggers import Loggers, drop_handlers, use_python_log
from tunicorn_worker.master_log import EARLY_LINES_MAX, MasterLog, Owner
from tunicorn_worker.statsd import Statsd, count_lines


class Mine(Logger):
    """Writes to files, like any; fails when it is told to."""

    def info(self, msg: str, *args: Any, **kwargs: Any) -> None:
        if msg == "fail":
            raise ValueError("a logger of the user's")
        super().info(f"mine {msg}", *args, **kwargs)


@pytest.fixture
def log() -> Iterator[MasterLog]:
    yield MasterLog()
    use_python_log(None)
    drop_handlers()
    Owner.master, Owner.make = None, logging.LogRecord
    logging.setLogRecordFactory(logging.LogRecord)


def test_lines_of_other_processes(log: MasterLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    errors, access = tmp_path / "errors", tmp_path / "access"
    log.write("info", "before the settings 100%", 7)
    config = make_config(
        logger_class=Mine,
        errorlog=str(errors),
        accesslog=str(access),
        access_log_format="%(r)s %(s)s %(b)s %({x-a}o)s %(L)s",
    )
    log.configure(config)
    log.write("warning", "a gateway's", 8)
    log.write("info", "fail", 7)
    # The nursery's own, a hook's for example, are the master's.
    Loggers().error.error("of a hook")
    lines = [line.partition("] ")[2] for line in errors.read_text().splitlines()]
    assert lines == [
        "[7] [INFO] mine before the settings 100%",
        "[8] [WARNING] a gateway's",
        f"[{config.master_pid}] [ERROR] of a hook",
    ]
    assert "a logger of the user's" in capsys.readouterr().err
    environ = marshal.dumps(make_environ(target="/caf\u00e9")).decode("latin-1")
    log.access({"environ": environ, "status": 499, "bytes": 3, "fields": "X-A: 1\r\n", "durationUs": 2_000_001})
    assert access.read_text() == "GET /caf\u00e9 HTTP/1.1 499 3 1 2.000001\n"
    os.rename(errors, tmp_path / "rotated")
    log.reopen()
    log.write("error", "after", 7)
    assert errors.read_text().endswith("[7] [ERROR] after\n")


def test_lines_of_other_processes_have_been_counted_there(log: MasterLog) -> None:
    config = make_config(syslog=False, logconfig_dict={"version": 1}, statsd_host=("127.0.0.1", 9))
    log.configure(config)
    counted: list[str] = []

    class Recorder(Statsd):
        def increment(self, name: str, value: object, sampling_rate: float = 1.0) -> None:
            counted.append(name)

    count_lines(Loggers(), Recorder(("127.0.0.1", 9)))
    log.write("warning", "the master's, or a gateway's", 8)
    Loggers().error.error("of a hook")
    assert counted == ["gunicorn.log.error"]


def test_a_record_factory_of_the_users_is_kept(log: MasterLog, tmp_path: Path) -> None:
    class Record(logging.LogRecord):
        def getMessage(self) -> str:  # noqa: N802 - logging's name
            return f"theirs {super().getMessage()}"

    logging.setLogRecordFactory(Record)
    errors = tmp_path / "errors"
    log.configure(make_config(logger_class=Mine, errorlog=str(errors)))
    log.write("error", "text", 7)
    assert errors.read_text().endswith("[7] [ERROR] theirs text\n")


def test_a_child_has_its_own_pid(log: MasterLog, tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    log.configure(make_config(logger_class=Mine, errorlog=str(errors)))
    child = os.fork()
    if child == 0:
        loggers = Loggers()
        loggers.set_up(make_config(errorlog="/nope/not/opened"))
        loggers.error.info("of a worker")
        os._exit(0)
    os.waitpid(child, 0)
    assert errors.read_text().endswith(f"[{child}] [INFO] mine of a worker\n")


def test_what_cannot_be_used_changes_nothing(log: MasterLog, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    good = make_config(logger_class=Mine, errorlog=str(one))
    log.configure(good)
    bad = {"logger_class": Mine, "logconfig_dict": {"version": 9}, "errorlog": str(other)}
    with pytest.raises(RuntimeError, match="Unsupported version: 9"):
        log.configure(make_config(**bad))
    log.write("error", "still here", 7)
    assert one.read_text().endswith("still here\n")
    log.configure(make_config(logger_class=Mine, errorlog=str(other)))
    log.write("error", "moved", 7)
    assert other.read_text().endswith("moved\n")


def test_a_reload_that_gives_the_log_back(log: MasterLog, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    log.configure(make_config(logger_class=Mine, errorlog=str(one)))
    assert Loggers().python is not None
    log.configure(make_config(errorlog=str(other)))
    assert Loggers().python is None
    # What was on its way meanwhile is not lost: it came before settings that were withdrawn.
    log.write("error", "withdrawn", 7)
    log.configure(make_config(errorlog=str(other)))
    assert other.read_text().endswith("[7] [ERROR] withdrawn\n")


def test_handlers_of_a_logconfig_go_with_it(log: MasterLog, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    handlers = {"file": {"class": "logging.FileHandler", "filename": str(one)}}
    loggers = {"gunicorn.error": {"level": "INFO", "handlers": ["file"], "propagate": False}}
    dictionary = {"root": {"handlers": []}, "handlers": handlers, "loggers": loggers}
    log.configure(make_config(logconfig_dict=dictionary))
    log.write("info", "one", 7)
    log.configure(make_config(errorlog=str(other)))
    loggers_of_a_worker = Loggers()
    loggers_of_a_worker.set_up(make_config(errorlog=str(other)))
    loggers_of_a_worker.error.info("two")
    assert (one.read_text(), other.read_text().count("two")) == ("one\n", 1)


def test_early_lines_are_bounded(log: MasterLog, tmp_path: Path) -> None:
    for number in range(EARLY_LINES_MAX + 5):
        log.write("info", str(number), 7)
    errors = tmp_path / "errors"
    log.configure(make_config(logger_class=Mine, errorlog=str(errors)))
    assert len(errors.read_text().splitlines()) == EARLY_LINES_MAX
