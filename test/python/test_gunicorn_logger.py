"""Gunicorn's Logger and ours, side by side: in processes of their own, for both write into ``logging``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from programs import output_of, run_program

CONFIG: dict[str, Any] = {
    "loglevel": "info",
    "errorlog": "-",
    "accesslog": None,
    "access_log_format": "%(h)s",
    "capture_output": False,
    "logconfig": None,
    "logconfig_dict": {},
    "logconfig_json": None,
    "syslog": False,
    "syslog_addr": "udp://localhost:514",
    "syslog_prefix": None,
    "syslog_facility": "user",
    "disable_redirect_access_to_syslog": False,
    "proc_name": "a:b",
    "user": -1,
    "group": -1,
}
MODULES = ("gunicorn.glogging", "tunicorn_worker.gunicorn_logger")
START = """
import importlib, json, logging, sys
from types import SimpleNamespace
module = importlib.import_module(sys.argv[1])
cfg = SimpleNamespace(**json.loads(sys.argv[2]))
"""


def run_both(source: str, **changes: Any) -> list[str]:
    config = json.dumps({**CONFIG, **changes})
    return [output_of(START + source, module, config) for module in MODULES]


ATOMS = """
from datetime import timedelta
log = module.Logger(cfg)
log.now = lambda: "[now]"
seen = []
for status, headers, authorization, days in [
    ("200 OK", [("X-A", 'say "a"'), ("X-A", "2")], "Basic bWU6eA==", 0),
    (404, [], "basic", 0),
    ("500", [("É", "é")], "Basic /w==", 0),
    ("200 OK", [], "Bearer x", 0),
    ("200 OK", [], "Basic %%%", 2),
]:
    environ = {
        "REQUEST_METHOD": "GET", "RAW_URI": '/a"b?q', "SERVER_PROTOCOL": "HTTP/1.1", "PATH_INFO": '/a"b',
        "QUERY_STRING": "q", "REMOTE_ADDR": "::1", "HTTP_AUTHORIZATION": authorization, "wsgi.version": (1, 0),
        "HTTP_USER_AGENT": "me",
    }
    resp = SimpleNamespace(status=status, headers=headers, sent=7 if days == 0 else None)
    req = SimpleNamespace(headers=[("HOST", "h"), ("X-B", "b")])
    atoms = log.atoms(resp, req, environ, timedelta(days=days, seconds=3, microseconds=4567))
    atoms.pop("p")
    safe = module.SafeAtoms(atoms)
    keys = [*atoms, "{X-B}i", "{x-a}O", "{X-A}o", "{none}e", "none", "{REMOTE_ADDR}e"]
    seen.append([(key, str(safe[key])) for key in keys])
print(json.dumps(seen))
"""


def test_atoms() -> None:
    theirs, ours = run_both(ATOMS)
    assert json.loads(ours) == json.loads(theirs)


HANDLERS = """
log = module.Logger(cfg)
def describe(logger):
    return [
        [type(handler).__name__, handler.formatter._fmt, handler.formatter.datefmt,
         getattr(handler, "_gunicorn", False),
         getattr(getattr(handler, "stream", None), "name", None), getattr(handler, "facility", None)]
        for handler in logger.handlers
    ]
def show():
    for name in ("gunicorn.error", "gunicorn.access"):
        logger = logging.getLogger(name)
        print(name, logger.level, logger.propagate, describe(logger))
    print(log.access_log_enabled, log.loglevel, describe(logging.root))
show()
log.setup(cfg)
show()
"""


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"accesslog": "-", "loglevel": "DEBUG"},
        {"errorlog": None, "loglevel": "nonsense"},
        {"syslog": True, "syslog_facility": "local3", "errorlog": "-"},
        {"syslog": True, "syslog_prefix": "site", "disable_redirect_access_to_syslog": True},
        {"logconfig_dict": {"formatters": {"generic": {"format": "%(message)s"}}}},
        {"logconfig_dict": {"root": {"level": "ERROR", "handlers": []}}, "logconfig_json": "/nope"},
        {"logconfig_json": "/nope"},
    ],
)
def test_handlers(changes: dict[str, Any]) -> None:
    theirs, ours = run_both(HANDLERS, **changes)
    assert ours == theirs


@pytest.mark.parametrize(
    "changes",
    [
        {"logconfig": "/nope.ini"},
        {"logconfig_dict": {"handlers": {"x": {"class": "logging.Nope"}}}},
        {"logconfig_dict": {"version": 2}},
        {"syslog": True, "syslog_addr": "nope"},
        {"syslog": True, "syslog_facility": "nope"},
        {"errorlog": "/nope/error.log"},
    ],
)
def test_refusals(changes: dict[str, Any]) -> None:
    source = "try:\n    module.Logger(cfg)\nexcept RuntimeError as error:\n    print(error)\n"
    theirs, ours = run_both(START + source, **changes)
    assert ours == theirs != ""


def test_a_json_file_that_is_none(tmp_path: Path) -> None:
    for text in ("{", "[1]", '{"handlers": 1}'):
        (tmp_path / "log.json").write_text(text)
        source = "try:\n    module.Logger(cfg)\nexcept RuntimeError as error:\n    print(type(error).__name__)\n"
        theirs, ours = run_both(START + source, logconfig_json=str(tmp_path / "log.json"))
        assert ours == theirs == "RuntimeError\n"


LINES = """
from datetime import timedelta
class Mine(module.Logger):
    atoms_wrapper_class = module.SafeAtoms
    error_fmt = "mine %(levelname)s %(message)s"
    def access(self, resp, req, environ, request_time):
        if environ["PATH_INFO"] != "/health":
            super().access(resp, req, environ, request_time)
log = Mine(cfg)
for name in ("critical", "error", "warning", "info", "debug"):
    getattr(log, name)("%s %d", name, 1)
log.log("warning", "by name")
log.log(10, "too quiet")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("why")
log.reopen_files()
log.close_on_exec()
def access(path):
    environ = {"REQUEST_METHOD": "GET", "RAW_URI": path, "SERVER_PROTOCOL": "HTTP/1.1", "PATH_INFO": path}
    log.access(SimpleNamespace(status="200 OK", headers=[], sent=1), SimpleNamespace(headers=[]), environ, timedelta(0))
access("/health")
access("/x")
cfg.access_log_format = "%(h)q"
access("/y")
"""


def test_lines(tmp_path: Path) -> None:
    written = []
    for module in MODULES:
        errors, access = tmp_path / f"{module}.errors", tmp_path / f"{module}.access"
        config = {**CONFIG, "errorlog": str(errors), "accesslog": str(access), "access_log_format": "%(r)s %(s)s %(b)s"}
        done = run_program(START + LINES, module, json.dumps(config))
        assert done.returncode == 0, done.stderr
        # A format that cannot work is told on stderr, by the logging module.
        assert "--- Logging error ---" in done.stderr
        kept = [line for line in errors.read_text().splitlines() if not line.startswith((" ", "Traceback"))]
        written.append((kept, access.read_text()))
    assert written[0] == written[1]
    assert written[1][1] == "GET /x HTTP/1.1 200 1\n"
