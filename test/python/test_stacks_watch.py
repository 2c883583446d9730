"""The nursery's questions; test_stacks_file.py has whole workers that answer."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from fake_arbiter import FakeArbiter
from tunicorn_worker import stacks_watch
from tunicorn_worker.descriptors import Descriptor
from tunicorn_worker.stacks_file import DUMP_SIGNAL, END, REQUEST_BYTES, SHOW_SIGNAL, make_stacks_file
from tunicorn_worker.stacks_watch import (
    ASKS_MAX,
    BY_FAULTHANDLER,
    COMPUTED_S,
    DUMP_S,
    DUMPED_S,
    SHOW_S,
    StacksWatch,
    handles,
    is_in_c,
    main_thread,
    state_of,
)


class Asked:
    """A worker that is only a file, the signals it got, and the clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file = Descriptor(make_stacks_file())
        self.signals: list[int] = []
        self.now = 100.0
        self.said: list[tuple[int, str]] = []
        self.workers: dict[int, Any] = {1: SimpleNamespace(pid=4711, stacks=self.file)}
        family: Any = SimpleNamespace(workers=self.workers)
        self.watch = StacksWatch(family, self.say)
        monkeypatch.setattr(stacks_watch, "monotonic", lambda: self.now)
        monkeypatch.setattr(stacks_watch, "handles", lambda _pid, _number: True)
        self.in_c = True
        monkeypatch.setattr(stacks_watch, "is_in_c", lambda _pid, _cpu: self.in_c)
        monkeypatch.setattr(stacks_watch, "state_of", lambda _pid: "S (sleeping)")
        monkeypatch.setattr(os, "kill", lambda _pid, number: self.signals.append(number))

    def say(self, event: str, _: int | None = None, /, **fields: Any) -> None:
        assert (event, fields["worker"]) == ("stacks", 1)
        self.said.append((fields["ask"], fields["text"]))

    def answer(self, text: bytes) -> None:
        os.write(self.file.fileno(), text)

    def look(self, seconds: float = 0.0) -> list[tuple[int, str]]:
        self.now += seconds
        self.watch.look()
        said, self.said = self.said, []
        return said


@pytest.fixture(name="asked")
def _asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    asked = Asked(monkeypatch)
    yield asked
    asked.file.close()


def test_one_question_after_the_other(asked: Asked) -> None:
    assert asked.watch.look_every_ms is None
    asked.watch.ask(1, 7, 0x01020304)
    asked.watch.ask(1, 8, 0)
    assert os.pread(asked.file.fileno(), 100, 0) == b"\4\3\2\1"
    assert (asked.look(), asked.signals) == ([], [SHOW_SIGNAL])
    asked.answer(b"half an ")
    assert asked.look() == []
    asked.answer("answer é".encode() + END)
    assert asked.look() == [(7, "half an answer é")]
    assert os.pread(asked.file.fileno(), 100, 0) == bytes(REQUEST_BYTES)
    asked.answer(b"second" + END)
    assert asked.look() == [(8, "second")]
    assert asked.watch.look_every_ms is None
    assert asked.look() == []
    assert asked.signals == [SHOW_SIGNAL, SHOW_SIGNAL]


def test_faulthandler_after_a_while_and_what_it_wrote_when_it_is_through(asked: Asked) -> None:
    asked.watch.ask(1, 7, 0)
    assert (asked.look(SHOW_S - 0.01), asked.signals) == ([], [SHOW_SIGNAL])
    assert (asked.look(0.02), asked.signals) == ([], [SHOW_SIGNAL, DUMP_SIGNAL])
    asked.answer(b"Current thread\n")
    assert asked.look(DUMPED_S) == []
    asked.answer(b'  File "a.py"\n')
    assert asked.look(DUMPED_S - 0.01) == []
    assert asked.look(2 * DUMPED_S) == [(7, f'{BY_FAULTHANDLER}Current thread\n  File "a.py"')]


def test_no_answer_at_all(asked: Asked) -> None:
    asked.watch.ask(1, 7, 0)
    asked.look(SHOW_S)
    assert asked.look(DUMP_S - 0.01) == []
    assert asked.look(0.02) == [(7, "cannot show its stacks: it does not answer, its state is S (sleeping)")]


def test_faulthandler_is_not_asked_while_python_code_may_run(asked: Asked) -> None:
    asked.in_c = False
    asked.watch.ask(1, 7, 0)
    for _ in range(4):
        assert asked.look(SHOW_S) == []
    assert asked.signals == [SHOW_SIGNAL]
    assert asked.look(SHOW_S) == [(7, "cannot show its stacks: it does not answer, its state is S (sleeping)")]
    assert asked.signals == [SHOW_SIGNAL]


def test_the_late_answer_to_a_question_before_is_not_counted_twice(asked: Asked) -> None:
    asked.watch.ask(1, 7, 0)
    asked.answer(b"late" + END + b"now" + END)
    assert asked.look() == [(7, "now")]


def test_workers_that_cannot_be_asked(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    asked.workers.clear()
    asked.watch.ask(1, 7, 0)
    asked.workers[1] = SimpleNamespace(pid=None, stacks=None)
    asked.watch.ask(1, 8, 0)
    asked.workers[1] = SimpleNamespace(pid=4711, stacks=asked.file)
    monkeypatch.setattr(stacks_watch, "handles", lambda _pid, _number: False)
    asked.watch.ask(1, 9, 0)
    assert asked.look() == [
        (7, "cannot show its stacks: it is no worker of this nursery"),
        (8, "cannot show its stacks: it has only just been forked"),
        (9, "cannot show its stacks: its application has taken the signal for itself"),
    ]
    assert (asked.signals, asked.watch.look_every_ms) == ([], None)


def test_one_that_ends_meanwhile(asked: Asked) -> None:
    asked.watch.ask(1, 7, 0)
    asked.watch.ask(1, 8, 0)
    asked.workers.clear()
    assert asked.look() == [
        (7, "cannot show its stacks: it has ended"),
        (8, "cannot show its stacks: it is no worker of this nursery"),
    ]


def test_asked_too_often(asked: Asked) -> None:
    for number in range(ASKS_MAX + 1):
        asked.watch.ask(1, number, 0)
    assert asked.look() == [(ASKS_MAX, "cannot show its stacks: it is asked for them too often")]


def test_who_is_in_c() -> None:
    now = main_thread(os.getpid())
    assert now[0] == "R"
    assert not is_in_c(os.getpid(), now[1])
    assert is_in_c(os.getpid(), now[1] - COMPUTED_S)
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    while main_thread(pid)[0] != "S":
        pass
    assert is_in_c(pid, 0.0)
    os.kill(pid, signal.SIGSTOP)
    os.waitpid(pid, os.WUNTRACED)
    assert not is_in_c(pid, 0.0)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert main_thread(pid) == ("", 0.0)
    assert not is_in_c(pid, 0.0)


def test_what_the_system_says_of_processes() -> None:
    assert handles(os.getpid(), signal.SIGINT)
    assert not handles(os.getpid(), SHOW_SIGNAL)
    assert state_of(os.getpid()).startswith("R")
    assert state_of(0) == "unknown"


def test_the_nursery_answers_for_any_worker(tmp_path: Any) -> None:
    (tmp_path / "app.py").write_text("def application(environ, start_response): ...\n")
    with FakeArbiter(tmp_path) as arbiter:
        arbiter.send_settings()
        arbiter.boot(1)
        arbiter.boot(2, preload=True)
        for worker in (1, 2):
            arbiter.say("stacks", worker=worker, ask=7)
            assert "Thread MainThread (" in arbiter.wait("stacks", worker=worker, ask=7)["text"]
        arbiter.say("stacks", worker=3, ask=8, request=0)
        text = "cannot show its stacks: it is no worker of this nursery"
        assert arbiter.wait("stacks") == {"ev": "stacks", "worker": 3, "ask": 8, "text": text}
