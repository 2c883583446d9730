"""Settings as attributes."""

from __future__ import annotations

import copy

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
    }
    config = Config.from_command(command)
    assert (config.workers, config.app, config.server_software) == (3, "a:b", "gunicorn/27.0.1 tunicorn/1")
    assert copy.copy(config).workers == 3


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
