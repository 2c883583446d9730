"""The hook `pre_exec` in a real nursery: a process of its own, and what is said of its end."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from fake_arbiter import PATIENCE_S, FakeArbiter, wait_gone

LOOPBACK = {"kind": "tcp", "host": "127.0.0.1", "port": 0}
HOOKS = """
import json, os, sys, time

calls = 0

def before(server):
    global calls
    calls += 1
    server.num_workers = 9
    facts = {"pid": os.getpid(), "parent": os.getppid(), "calls": calls, "reexec_pid": server.reexec_pid,
        "listeners": [str(listener) for listener in server.LISTENERS]}
    with open("facts.new", "w") as file:
        json.dump(facts, file)
    os.rename("facts.new", "facts.json")

def fail(server):
    raise ValueError("not today")

def leave(server):
    sys.exit(0)

def hang(server):
    before(server)
    while True:
        time.sleep(60)
"""


@pytest.fixture(name="arbiter")
def _arbiter(tmp_path: Path) -> Iterator[FakeArbiter]:
    with FakeArbiter(tmp_path) as arbiter:
        yield arbiter


def configure(arbiter: FakeArbiter, hook: str) -> None:
    """hook: one of HOOKS"""
    path = arbiter.directory / "conf.py"
    path.write_text(f"{HOOKS}\npre_exec = {hook}\n")
    arbiter.say("run-config", kind="file", location=str(path), names=["pre_exec"], run=0)
    assert arbiter.wait("config-ran")["status"] == "ok"
    arbiter.send_settings(pre_exec={"t": "object", "type": "function", "text": hook, "name": hook, "callable": True})


def facts(arbiter: FakeArbiter) -> dict[str, object]:
    path = arbiter.directory / "facts.json"
    deadline = monotonic() + PATIENCE_S
    while not path.exists():
        assert monotonic() < deadline
        sleep(0.005)
    loaded: dict[str, object] = json.loads(path.read_text())
    return loaded


def test_it_has_a_process_of_its_own_and_leaves_nothing_in_the_nursery(arbiter: FakeArbiter) -> None:
    configure(arbiter, "before")
    (bound,) = arbiter.bind(LOOPBACK)
    for _ in range(2):
        arbiter.say("pre-exec")
        assert arbiter.wait("pre-exec-ran")["status"] == {"code": 0}
        seen = facts(arbiter)
        assert seen["pid"] != arbiter.nursery_pid
        assert {**seen, "pid": 0} == {
            "pid": 0,
            "parent": arbiter.nursery_pid,
            "calls": 1,
            "reexec_pid": 0,
            "listeners": [f"http://127.0.0.1:{bound['port']}"],
        }
    arbiter.say("exit")
    assert arbiter.wait_exit() == 0


@pytest.mark.parametrize("hook", ["fail", "leave"])
def test_one_that_raises_forbids_what_comes_after_it(arbiter: FakeArbiter, hook: str) -> None:
    configure(arbiter, hook)
    arbiter.say("pre-exec")
    assert arbiter.wait("pre-exec-ran")["status"] == {"code": 1}


@pytest.mark.parametrize("end", ["exit", "kill"])
def test_one_that_hangs_ends_with_the_nursery(arbiter: FakeArbiter, end: str) -> None:
    configure(arbiter, "hang")
    arbiter.say("pre-exec")
    pid = facts(arbiter)["pid"]
    assert isinstance(pid, int)
    os.kill(pid, 0)
    if end == "exit":
        arbiter.say("exit")
        assert arbiter.wait_exit() == 0
        wait_gone(pid)
        return
    arbiter.kill_nursery()
    wait_gone(pid)
    arbiter.start_nursery()  # for the fixture's end
