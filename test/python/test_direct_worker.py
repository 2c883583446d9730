"""Direct workers under a real nursery, and a test in the arbiter's place."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic

import gunicorn.errors
import pytest

from fake_arbiter import PATIENCE_S, FakeArbiter
from tunicorn_worker.control_link import ControlLink
from tunicorn_worker.direct_worker import is_app_import_error, require_descriptor
from tunicorn_worker.errors import AppImportError

CLASS = """
import os, select, signal
from gunicorn.workers.base import Worker
class Plain(Worker):
    def run(self):
        while self.alive:
            self.notify()
            for listener in select.select([*self.sockets, self.PIPE[0]], [], [], 0.1)[0]:
                if listener is self.PIPE[0]:
                    continue
                client, _ = listener.accept()
                client.sendall(f"{os.getpid()} {len(self.sockets)}".encode())
                client.close()
class Silent(Plain):
    def notify(self):
        if self.tmp.last_update() == 0:
            super().notify()
class Never(Plain):
    def notify(self): ...
class Forgets(Plain):
    def init_signals(self):
        super().init_signals()
        os.kill(os.getpid(), signal.SIGTERM)
    def run(self):
        self.alive = True  # as Tornado's does
        super().run()
class Crashes(Plain):
    def run(self):
        self.notify()
        raise KeyError("after the boot")
def write(*words):
    with open("hooks", "a") as out:
        print(*words, file=out)
def post_worker_init(worker):
    write("init", worker.pid == os.getpid(), worker.wsgi is not None)
def worker_int(worker):
    write("int", worker.alive)
def worker_abort(worker):
    write("abort", worker.alive)
def worker_exit(server, worker):
    write("exit", server.pid, server.cfg is worker.cfg, server.WORKERS == {os.getpid(): worker}, server.worker_age)
def fails(server, worker):
    raise KeyError("in a hook")
"""
HOOKS = {name: f"classes.{name}" for name in ("post_worker_init", "worker_int", "worker_abort", "worker_exit")}


@pytest.fixture(name="arbiter")
def _arbiter(tmp_path: Path) -> Iterator[FakeArbiter]:
    (tmp_path / "app.py").write_text("def application(environ, start_response): ...\n")
    (tmp_path / "classes.py").write_text(CLASS)
    with FakeArbiter(tmp_path) as arbiter:
        yield arbiter


def begin(arbiter: FakeArbiter, name: str = "Plain", **values: object) -> int:
    """Settings and a listener; returns its port."""
    arbiter.send_settings(worker_kind="direct", worker_class=f"classes.{name}", **VALUES, **values)
    return int(arbiter.bind({"kind": "tcp", "host": "127.0.0.1", "port": 0})[0]["port"])


VALUES: dict[str, object] = {
    "workers": 1,
    "max_requests": 0,
    "max_requests_jitter": 0,
    "initgroups": False,
    "capture_output": False,
    "logger_class": "gunicorn.glogging.Logger",
    "umask": 0,
    "worker_tmp_dir": None,
    "reload": False,
}


def ask(port: int) -> list[str]:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        return client.makefile().read().split()


def test_it_gets_the_listeners_and_serves(arbiter: FakeArbiter) -> None:
    port = begin(arbiter)
    pid = arbiter.boot(1)
    assert ask(port) == [str(pid), "1"]
    arbiter.say("stop", worker=1)
    assert arbiter.wait("exited", worker=1)["status"] == {"code": 0}


def test_it_shows_its_stacks(arbiter: FakeArbiter) -> None:
    port = begin(arbiter)
    arbiter.boot(1)
    arbiter.say("stacks", worker=1, ask=5)
    answer = arbiter.wait("stacks", worker=1)
    assert answer["ask"] == 5
    assert "in run_and_tell\n" in answer["text"]
    assert len(ask(port)) == 2


def test_it_gets_every_listener(arbiter: FakeArbiter) -> None:
    arbiter.send_settings(worker_kind="direct", worker_class="classes.Plain", **VALUES)
    bound = arbiter.bind(*[{"kind": "tcp", "host": "127.0.0.1", "port": 0}] * 12)
    pid = arbiter.boot(1)
    for address in bound:
        assert ask(int(address["port"])) == [str(pid), "12"]


def test_it_goes_through_a_mold(arbiter: FakeArbiter) -> None:
    port = begin(arbiter)
    pid = arbiter.boot(1, preload=True)
    assert ask(port) == [str(pid), "1"]
    assert parent_of(pid) == arbiter.nursery_pid


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("stop", {"code": 0}),
        ("dismiss", {"code": 0}),
        ("quit", {"code": 0}),
        ("abort", {"code": 1}),
        ("kill", {"signal": "SIGKILL"}),
    ],
)
def test_commands_are_signals(arbiter: FakeArbiter, command: str, status: dict[str, object]) -> None:
    begin(arbiter)
    arbiter.boot(1)
    arbiter.say(command, worker=1)
    assert arbiter.wait("exited", worker=1)["status"] == status


def test_a_worker_that_does_not_beat_any_more_is_reported(arbiter: FakeArbiter) -> None:
    begin(arbiter, "Silent", timeout=1)
    arbiter.boot(1)
    overdue = arbiter.wait("overdue", worker=1)
    assert overdue["silentMs"] > 1000


def test_a_worker_that_never_beats_is_ready_in_the_end_and_left_alone(arbiter: FakeArbiter) -> None:
    port = begin(arbiter, "Never", timeout=1)
    pid = arbiter.boot(1)
    assert ask(port)[0] == str(pid)


def test_told_to_leave_while_it_boots_it_does_not_begin(arbiter: FakeArbiter) -> None:
    begin(arbiter, "Forgets")
    arbiter.fork(1)
    assert arbiter.wait("exited", worker=1)["status"] == {"code": 0}


def test_a_failure_after_the_boot(arbiter: FakeArbiter) -> None:
    begin(arbiter, "Crashes")
    arbiter.fork(1)
    assert arbiter.wait("exited", worker=1)["status"] == {"code": 255}


@pytest.mark.parametrize(("source", "code"), [("raise KeyError('x')", 3), ("application = 7", 4)])
def test_an_application_that_cannot_be_loaded(arbiter: FakeArbiter, source: str, code: int) -> None:
    (arbiter.directory / "app.py").write_text(f"{source}\n")
    begin(arbiter)
    arbiter.fork(1)
    assert arbiter.wait("exited", worker=1)["status"] == {"code": code}


def test_the_class_is_looked_at_beforehand(arbiter: FakeArbiter) -> None:
    # The settings of before a reload still count in the nursery.
    begin(arbiter, raw_env=["WHO=before"])
    settings = arbiter.settings(worker_kind="direct", worker_class="classes.NoSuch", **VALUES, raw_env=["WHO=after"])
    arbiter.say("check-class", settings=settings)
    checked = arbiter.wait("class-checked")
    assert checked["status"] == 1
    assert "class uri 'classes.NoSuch' invalid or not found" in checked["text"]
    settings = arbiter.settings(worker_kind="direct", worker_class="classes.Plain", **VALUES)
    arbiter.say("check-class", settings=settings)
    assert arbiter.wait("class-checked") == {"ev": "class-checked", "status": 0, "text": ""}


def test_a_gateway_that_is_not_needed_is_ended(arbiter: FakeArbiter) -> None:
    gateway = arbiter.start_gateway()
    arbiter.say("no-gateway")
    assert arbiter.wait("gateway-exited", pid=gateway.pid)["status"] == {"signal": "SIGKILL"}


def test_it_leaves_with_its_parent(arbiter: FakeArbiter) -> None:
    begin(arbiter)
    pid = arbiter.boot(1)
    watched = os.pidfd_open(pid)
    arbiter.kill_nursery()
    assert select.select([watched], [], [], 30)[0] == [watched]
    os.close(watched)


def test_logs_are_opened_anew_by_a_signal(arbiter: FakeArbiter) -> None:
    log = arbiter.directory / "log"
    begin(arbiter, errorlog=str(log))
    pid = arbiter.boot(1)
    log.rename(arbiter.directory / "log.1")
    arbiter.say("reopen-logs")
    given_up = monotonic() + PATIENCE_S
    while str(log) not in open_files(pid):
        assert monotonic() < given_up, open_files(pid)


def open_files(pid: int) -> set[str]:
    """What a process has open; a descriptor may be closed while we look."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(os.readlink(entry))
    return found


@pytest.mark.parametrize(("command", "between"), [("stop", []), ("quit", ["int False"]), ("abort", ["abort False"])])
def test_hooks_of_the_process(arbiter: FakeArbiter, command: str, between: list[str]) -> None:
    begin(arbiter, **HOOKS)
    arbiter.boot(1)
    arbiter.say(command, worker=1)
    arbiter.wait("exited", worker=1)
    lines = (arbiter.directory / "hooks").read_text().splitlines()
    assert lines == ["init True True", *between, f"exit {os.getpid()} True True 1"]


def test_a_hook_that_fails_while_the_worker_leaves(arbiter: FakeArbiter) -> None:
    log = arbiter.directory / "log"
    begin(arbiter, errorlog=str(log), worker_exit="classes.fails")
    arbiter.boot(1)
    arbiter.say("stop", worker=1)
    assert arbiter.wait("exited", worker=1)["status"] == {"code": 0}
    assert "Exception during worker exit" in log.read_text()


def test_a_descriptor_that_did_not_arrive() -> None:
    near, far = socket.socketpair()
    with near, far, pytest.raises(OSError, match="came without its descriptor"):
        require_descriptor(ControlLink(near))


def test_errors_of_both_packages() -> None:
    assert is_app_import_error(AppImportError("x"))
    assert is_app_import_error(gunicorn.errors.AppImportError("x"))
    assert not is_app_import_error(ValueError("x"))
