"""The two loggers: formats, targets, levels, reopening."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fake_gateway import make_config
from tunicorn_worker.environ import ErrorStream
from tunicorn_worker.loggers import Loggers


@pytest.fixture
def loggers() -> Iterator[Loggers]:
    loggers = Loggers()
    yield loggers
    for logger in (loggers.error, loggers.access):
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
            handler.close()


def test_lines(loggers: Loggers, tmp_path: Path) -> None:
    error, access = tmp_path / "error.log", tmp_path / "access.log"
    loggers.set_up(make_config(errorlog=str(error), accesslog=str(access), loglevel="WARNING"))
    loggers.error.info("too low")
    loggers.error.warning("seen %s", 1)
    loggers.access.info("a line")
    line = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[\d+\] \[WARNING\] seen 1\n"
    assert re.fullmatch(line, error.read_text())
    assert access.read_text() == "a line\n"


def test_standard_streams(loggers: Loggers, capsys: pytest.CaptureFixture[str]) -> None:
    # A forked worker sets up again what the nursery had set up.
    Loggers().set_up(make_config(errorlog="-", accesslog="-"))
    loggers.set_up(make_config(errorlog="-", accesslog="-"))
    loggers.error.info("once")
    loggers.access.info("line")
    out, err = capsys.readouterr()
    assert out == "line\n"
    assert err.count("once") == 1


def test_reopen_follows_a_rotation(loggers: Loggers, tmp_path: Path) -> None:
    path = tmp_path / "error.log"
    loggers.set_up(make_config(errorlog=str(path)))
    errors = ErrorStream()
    loggers.error.info("before")
    path.rename(tmp_path / "error.log.1")
    loggers.reopen()
    loggers.error.info("after")
    errors.write("from the application\n")
    assert "before" in (tmp_path / "error.log.1").read_text()
    assert path.read_text().endswith("after\nfrom the application\n")


def test_capture_output(tmp_path: Path) -> None:
    program = """
import os, sys
from fake_gateway import make_config
from tunicorn_worker.loggers import Loggers
loggers = Loggers()
loggers.set_up(make_config(errorlog="log", capture_output=True))
os.write(1, b"one\\n")
os.rename("log", "log.1")
loggers.reopen()
os.write(2, b"two\\n")
"""
    environment = {"PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "log.1").read_text() == "one\n"
    assert (tmp_path / "log").read_text() == "two\n"


def test_unwritable_log_is_an_error(loggers: Loggers, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        loggers.set_up(make_config(errorlog=str(tmp_path / "missing" / "log")))
