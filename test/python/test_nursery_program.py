from __future__ import annotations

import os
from pathlib import Path

import pytest

from fake_arbiter import FakeArbiter

CONFIG = """
import json, os, sys
ours = [name for name in os.environ if name.startswith(("NODE_CHANNEL", "TUNICORN_"))]
proc_name = json.dumps([sys.argv, ours])
bind = sys.path[0]
"""


@pytest.mark.parametrize(
    ("environment", "argv"),
    [({}, '["tunicorn"]'), ({"TUNICORN_ARGV": '["/bin/t", "a b"]', "TUNICORN_NOFILE": "77"}, '["/bin/t", "a b"]')],
)
def test_what_users_code_finds(tmp_path: Path, environment: dict[str, str], argv: str) -> None:
    (tmp_path / "c.py").write_text(CONFIG)
    with FakeArbiter(tmp_path, **environment) as arbiter:
        arbiter.say("run-config", kind="file", location=str(tmp_path / "c.py"), names=["proc_name", "bind"], run=0)
        values = dict(arbiter.wait("config-ran")["values"])
    assert values["proc_name"]["v"] == f"[{argv}, []]"
    assert values["bind"]["v"] == os.getcwd()


def test_limit_that_is_no_number_is_ignored(tmp_path: Path) -> None:
    with FakeArbiter(tmp_path, TUNICORN_NOFILE="unlimited") as arbiter:
        arbiter.say("exit")
        assert arbiter.wait_exit() == 0
