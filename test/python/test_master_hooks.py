"""The master's hooks as the nursery calls them."""

from __future__ import annotations

import os
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from fake_gateway import make_config
from tunicorn_worker.hook_objects import HookWorker
from tunicorn_worker.loggers import Loggers
from tunicorn_worker.master_hooks import HookFailed, MasterHooks
from tunicorn_worker.server_log import ServerLog


class HaltServer(BaseException):
    """By its name as Gunicorn's."""

    reason = "no more"
    exit_status = 5


class World:
    """Hooks that write down how they are called; `raises` names what each of them raises."""

    def __init__(self, *names: str, **raises: BaseException) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.said: list[dict[str, object]] = []
        signals: Any = SimpleNamespace(unblocked=nullcontext)
        self.hooks = MasterHooks(self.say, signals)
        self.config = make_config(**{name: self.hook(name, raises.get(name)) for name in (*names, *raises)})
        self.hooks.configure(self.config, [])

    def hook(self, name: str, error: BaseException | None) -> Any:
        def call(*arguments: object) -> None:
            self.calls.append((name, *arguments))
            if error is not None:
                raise error

        return call

    def say(self, event: str, descriptor: int | None = None, /, **fields: object) -> None:
        self.said.append({"ev": event, **fields})


def test_without_hooks_nothing_is_made() -> None:
    world = World()
    world.hooks.call("on_starting")
    world.hooks.call("nworkers_changed", 2, None)
    assert world.hooks.before_fork(1, world.config) is None
    world.hooks.born(None, 7)
    world.hooks.ended(None)
    world.hooks.orphan_ended(1, 7)
    world.hooks.reopen_logs()
    assert (world.hooks.server, world.said) == (None, [])


def test_each_is_called_with_gunicorns_arguments() -> None:
    names = ("on_starting", "when_ready", "on_reload", "on_exit", "nworkers_changed", "pre_fork", "child_exit")
    world = World(*names)
    hooks, server = world.hooks, world.hooks.server
    assert server is not None
    hooks.call("nworkers_changed", 2, None)
    assert server.num_workers == 2
    for name in names[:4]:
        hooks.call(name)
    worker = hooks.before_fork(4, world.config)
    assert worker is not None
    assert (worker.age, worker.pid, server.worker_age) == (4, "[booting]", 4)
    hooks.born(worker, 4711)
    assert {4711: worker} == server.WORKERS
    hooks.ended(worker)
    assert (server.WORKERS, worker.pid) == ({}, 4711)
    assert world.calls == [
        ("nworkers_changed", server, 2, None),
        *((name, server) for name in names[:4]),
        ("pre_fork", server, worker),
        ("child_exit", server, worker),
    ]
    assert world.said == []


def test_the_server_object_outlives_a_reload() -> None:
    world = World("on_starting")
    server: Any = world.hooks.server
    server.kept = kept = object()
    again = make_config(timeout=77)
    world.hooks.configure(again, [])
    assert world.hooks.server is server
    assert (server.kept, server.timeout, server.cfg) == (kept, 77, again)


def test_a_worker_of_a_nursery_that_is_gone() -> None:
    world = World("child_exit")
    world.hooks.orphan_ended(3, 4711)
    ((name, _, worker),) = world.calls
    assert isinstance(worker, HookWorker)
    assert (name, worker.age, worker.pid) == ("child_exit", 3, 4711)


def test_the_worker_of_a_mold_gets_what_pre_fork_has_left() -> None:
    world = World("pre_fork")
    left: Any = HookWorker(3, world.config, ServerLog(Loggers()), pid="[booting]")
    left.slot = 9
    worker: Any = world.hooks.molded(3, world.config, left.notes())
    assert (worker.slot, worker.pid) == (9, os.getpid())
    assert World().hooks.molded(3, world.config, None) is None


@pytest.mark.parametrize(
    ("hook", "error", "code", "text"),
    [
        ("on_starting", RuntimeError("not today"), None, "\nError: not today\n"),
        ("on_reload", RuntimeError("not today"), None, "Traceback"),
        ("child_exit", KeyError("x"), None, "Traceback"),
        ("when_ready", SystemExit(7), 7, ""),
        ("on_exit", SystemExit("bye"), 1, "bye"),
    ],
)
def test_what_a_hook_raises_is_told(hook: str, error: BaseException, code: int | None, text: str) -> None:
    world = World(**{hook: error})
    if hook == "child_exit":
        world.hooks.orphan_ended(1, 7)
    else:
        world.hooks.call(hook)
    (told,) = world.said
    assert (told["ev"], told["hook"], told["code"], "worker" in told) == ("hook-failed", hook, code, False)
    assert str(told["text"]).startswith(text)


def test_a_pre_fork_that_raises_is_no_fork() -> None:
    world = World(pre_fork=ValueError("no"))
    with pytest.raises(HookFailed):
        world.hooks.before_fork(3, world.config)
    assert (world.said[0]["hook"], world.said[0]["worker"]) == ("pre_fork", 3)


def test_a_hook_may_end_the_server() -> None:
    world = World(child_exit=HaltServer())
    world.hooks.orphan_ended(1, 7)
    assert world.said == [{"ev": "halt", "reason": "no more", "code": 5}]


def test_num_workers_is_carried_to_the_arbiter_and_told_to_the_hook() -> None:
    world = World("nworkers_changed")
    server = world.hooks.server
    assert server is not None
    world.hooks.call("nworkers_changed", 2, None)
    server.num_workers = 5
    server.reload()
    assert world.calls[-1] == ("nworkers_changed", server, 5, 2)
    assert world.said == [{"ev": "set-workers", "count": 5}, {"ev": "forward-signal", "signal": "HUP"}]
