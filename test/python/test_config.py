"""Settings as attributes."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from fake_gateway import make_config
from tunicorn_worker.config import Config


def test_reads_the_command_of_the_arbiter() -> None:
    command = {
        "values": {"workers": 3},
        "app": "a:b",
        "serverSoftware": "gunicorn/27.0.1 tunicorn/1",
        "version": "1",
        "titlePrefix": "tunicorn: ",
        "uvicorn": None,
        "workerKind": "sync",
    }
    config = Config.from_command(command)
    assert (config.workers, config.app, config.server_software) == (3, "a:b", "gunicorn/27.0.1 tunicorn/1")
    assert copy.copy(config).workers == 3


COMMAND: dict[str, Any] = {
    "values": {
        "workers": 3,
        "secure_scheme_headers": {"t": "dict", "v": [[{"t": "str", "v": "X-A"}, {"t": "str", "v": "on"}]]},
        "on_starting": {"t": "object", "type": "function", "text": "<f>", "name": "f", "callable": True, "arity": 1},
        "logger_class": {"t": "object", "type": "type", "text": "<c>", "name": "c", "callable": True},
        "when_ready": {"t": "object", "type": "str", "text": "hooks.ready", "name": "ready", "callable": True},
    },
    "app": "a:b",
    "serverSoftware": "s",
    "version": "1",
    "titlePrefix": "tunicorn: ",
    "uvicorn": {"factory": True},
    "workerKind": "sync",
}


def test_values_of_python() -> None:
    config = Config.from_command(COMMAND, {"on_starting": len, "logger_class": dict, "workers": 99})
    assert config.secure_scheme_headers == {"X-A": "on"}
    assert (config.on_starting, config.logger_class, config.when_ready) == (len, dict, "hooks.ready")
    assert config.workers == 3
    assert Config.from_command(COMMAND).on_starting is None
    assert config.uvicorn == {"factory": True}


def test_unknown_setting() -> None:
    with pytest.raises(AttributeError, match="No configuration setting for: nosuch"):
        _ = make_config().nosuch


def test_env() -> None:
    assert make_config(raw_env=["A=1", "B=x=y", "C="]).env == {"A": "1", "B": "x=y", "C": ""}
    with pytest.raises(RuntimeError, match="environment setting 'A' invalid"):
        _ = make_config(raw_env=["A"]).env


def test_proc_name() -> None:
    assert make_config().proc_name == "app:app"
    assert make_config(proc_name="shop").proc_name == "shop"


def test_paste_global_conf() -> None:
    config = make_config(raw_paste_global_conf=["a=1", "b\\=c=d=e", "f=\\=", "g="])
    assert config.paste_global_conf == {"a": "1", "b=c": "d=e", "f": "=", "g": ""}
    with pytest.raises(RuntimeError, match="environment setting 'A' invalid"):
        _ = make_config(raw_paste_global_conf=["A"]).paste_global_conf


@pytest.mark.parametrize(
    ("setting", "variable", "expected"),
    [
        (None, None, True),
        (None, "YES", True),
        (None, "0", False),
        (None, "", False),
        (False, "1", False),
        (True, "1", False),
    ],
)
def test_sendfile(setting: bool | None, variable: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if variable is None:
        monkeypatch.delenv("SENDFILE", raising=False)
    else:
        monkeypatch.setenv("SENDFILE", variable)
    assert make_config(sendfile=setting).sendfile is expected


def test_who_writes_the_logs() -> None:
    """As test/settings/log-writer.test.ts."""

    class Mine:
        pass

    for values, logs, access in (
        ({}, False, False),
        ({"accesslog": "-"}, False, False),
        ({"logger_class": "gunicorn.glogging.Logger"}, False, False),
        ({"logger_class": "simple", "accesslog": "-"}, False, False),
        ({"logger_class": "gunicorn.instrument.statsd.Statsd"}, False, False),
        ({"logger_class": "site.Log"}, True, True),
        ({"logger_class": Mine}, True, True),
        ({"logconfig": "log.ini"}, True, True),
        ({"logconfig_json": "log.json"}, True, True),
        ({"logconfig_dict": {"version": 1}}, True, True),
        ({"syslog": True}, True, True),
        ({"syslog": True, "disable_redirect_access_to_syslog": True}, True, False),
        ({"syslog": True, "disable_redirect_access_to_syslog": True, "accesslog": "-"}, True, True),
    ):
        config = make_config(**{"accesslog": None, **values})
        assert (config.logs_in_python, config.access_in_python) == (logs, access), values
