"""Lines in JSON."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path

from fake_gateway import make_config
from tunicorn_worker.json_lines import JsonFormatter
from tunicorn_worker.loggers import Loggers, drop_handlers


def record(message: str, *arguments: object, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("gunicorn.error", logging.WARNING, "file", 1, message, arguments, None)
    vars(made).update({"created": 1_700_000_000.0425, **more})
    return made


def test_fields_and_their_order() -> None:
    line = JsonFormatter("error").format(record('says "%s"', "a\nb\x00\udc80é"))
    assert line == (
        '{"time":"2023-11-14T22:13:20.042Z","log":"error","level":"warning",'
        f'"pid":{os.getpid()},"message":"says \\"a\\nb\\u0000\\udc80\\u00e9\\""}}'
    )
    assert json.loads(JsonFormatter("error", pid=7).format(record("x")))["pid"] == 7


def test_a_traceback_stays_in_its_line() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        line = JsonFormatter("error").format(record("failed", exc_info=sys.exc_info()))
    assert "\n" not in line
    assert json.loads(line)["traceback"].endswith("ValueError: why")
    assert json.loads(JsonFormatter("error").format(record("x", exc_text="kept")))["traceback"] == "kept"


def test_the_setting(tmp_path: Path) -> None:
    errors, access = tmp_path / "errors", tmp_path / "access"
    loggers = Loggers()
    try:
        loggers.set_up(make_config(log_format="json", errorlog=str(errors), accesslog=str(access)))
        loggers.error.error("one")
        loggers.access.info("two")
    finally:
        drop_handlers()
    assert [json.loads(line)["message"] for line in errors.read_text().splitlines()] == ["one"]
    assert json.loads(access.read_text())["log"] == "access"
