from __future__ import annotations

import sys
import threading
import time
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

from fake_gateway import PATIENCE_SECONDS
from tunicorn_worker.errors import RequestTimeout
from tunicorn_worker.interruption import ThreadExceptions, has_hit_our_code, is_in_application


def frames(*places: tuple[str, str]) -> FrameType:
    """A stack of frames, the innermost first: (module, function)."""
    frame: Any = None
    for module, name in reversed(places):
        frame = SimpleNamespace(f_globals={"__name__": module}, f_code=SimpleNamespace(co_name=name), f_back=frame)
    top: FrameType = frame
    return top


CALL = ("tunicorn_worker.wsgi", "call")
LOOP = ("tunicorn_worker.pull_loop", "pull_requests")


@pytest.mark.parametrize(
    ("places", "inside"),
    [
        ([("app", "view"), CALL, LOOP], True),
        ([("time", "sleep"), ("app", "view"), CALL, LOOP], True),
        ([("app", "generator"), ("tunicorn_worker.wsgi", "_send_iterable"), CALL, LOOP], True),
        ([("app", "view"), ("tunicorn_worker.hooked_wsgi", "call"), LOOP], True),
        ([("tunicorn_worker.channel", "send"), ("app", "generator"), CALL, LOOP], False),
        ([("logging", "emit"), ("tunicorn_worker.wsgi", "_fail"), CALL, LOOP], False),
        (
            [("conf", "hook"), ("tunicorn_worker.hooks", "before_request"), ("tunicorn_worker.hooked_wsgi", "call")],
            False,
        ),
        ([CALL, LOOP], False),
        ([LOOP], False),
        ([("threading", "run")], False),
    ],
)
def test_only_the_applications_own_code_is_interrupted(places: list[tuple[str, str]], inside: bool) -> None:
    assert is_in_application(frames(*places)) is inside


def test_a_thread_without_a_frame_is_left_alone() -> None:
    assert is_in_application(None) is False


def run_as(module: str, name: str, inner: Any) -> Any:
    """A function of that name in a module of that name, which calls `inner`."""
    space: dict[str, Any] = {"__name__": module, "inner": inner}
    exec(f"def {name}():\n    inner()\n", space)
    return space[name]


def fail() -> None:
    raise RequestTimeout


@pytest.mark.parametrize(
    ("hit", "ours"),
    [
        (run_as(*CALL, run_as("app", "view", fail)), False),
        (run_as(*CALL, run_as("app", "view", run_as("tunicorn_worker.channel", "send", fail))), True),
        (run_as(*CALL, run_as("tunicorn_worker.start_response", "write", fail)), True),
    ],
)
def test_where_an_exception_has_landed(hit: Any, ours: bool) -> None:
    with pytest.raises(RequestTimeout) as caught:
        hit()
    assert has_hit_our_code(caught.value) is ours


def test_other_exceptions_may_come_from_anywhere() -> None:
    def refuse() -> None:
        raise TypeError

    with pytest.raises(TypeError) as caught:
        run_as("tunicorn_worker.start_response", "write", refuse)()
    assert has_hit_our_code(caught.value) is False


def test_a_thread_gets_the_exception_where_it_is() -> None:
    here, seen = threading.Event(), []

    def spin() -> None:
        try:
            here.set()
            deadline = time.monotonic() + PATIENCE_SECONDS
            while time.monotonic() < deadline:
                pass
        except RequestTimeout as error:
            seen.append(str(error))

    thread = threading.Thread(target=spin)
    thread.start()
    here.wait()
    assert thread.ident is not None
    ThreadExceptions().throw(thread.ident, RequestTimeout)
    thread.join()
    assert seen == ["the request took longer than request_timeout"]


def test_what_was_not_raised_yet_can_be_taken_back() -> None:
    exceptions, go, done = ThreadExceptions(), threading.Event(), []

    def wait() -> None:
        go.wait()
        done.append("undisturbed")

    thread = threading.Thread(target=wait)
    thread.start()
    assert thread.ident is not None
    while sys._current_frames().get(thread.ident) is None:
        pass
    # Its thread cannot raise it while it waits for the event.
    exceptions.throw(thread.ident, RequestTimeout)
    exceptions.take_back(thread.ident)
    go.set()
    thread.join()
    assert done == ["undisturbed"]
