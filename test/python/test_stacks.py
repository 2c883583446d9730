"""What is written down of threads; test_asgi_worker.py and test_green_worker.py have tasks and greenlets in whole
workers."""

from __future__ import annotations

import asyncio
import sys
import threading
from types import FrameType, SimpleNamespace

from tunicorn_worker.stacks import (
    STACKS_MAX,
    TASKS_SHOWN_MAX,
    format_frame,
    format_greenlets,
    format_loop,
    format_tasks,
    format_threads,
)


def test_threads_by_name_the_callers_own_as_it_was_interrupted() -> None:
    go, there = threading.Event(), threading.Event()

    def beside() -> None:
        there.set()
        go.wait()

    thread = threading.Thread(target=beside, name="besides")
    thread.start()
    there.wait()
    text = format_threads(sys._getframe())
    go.set()
    thread.join()
    mine = f"Thread {threading.current_thread().name} ({threading.get_ident()}):\n"
    assert mine in text
    assert "in test_threads_by_name_the_callers_own_as_it_was_interrupted\n" in text
    assert "in format_threads\n" not in text
    assert f"Thread besides ({thread.ident}):\n" in text
    assert "in beside\n    go.wait()\n" in text


def test_no_frame_is_no_text() -> None:
    assert format_frame(None) == ""


def test_tasks_down_to_what_they_wait_for_and_no_more_than_so_many() -> None:
    async def inner(gate: asyncio.Event) -> None:
        await gate.wait()

    async def outer(gate: asyncio.Event) -> None:
        await inner(gate)

    async def main() -> str:
        gate = asyncio.Event()
        tasks = [asyncio.ensure_future(outer(gate)) for _ in range(TASKS_SHOWN_MAX + 4)]
        await asyncio.sleep(0)
        text = format_loop()
        assert format_tasks(asyncio.get_running_loop()).endswith("and 5 more")
        gate.set()
        await asyncio.gather(*tasks)
        return text

    text = asyncio.run(main())
    assert text.index("in outer\n    await inner(gate)\n") < text.index("in inner\n    await gate.wait()\n")
    # The main task is one of them, shown or not.
    assert text.endswith("and 5 more")


def test_no_loop_is_no_text() -> None:
    assert format_loop() == ""


def test_greenlets_in_the_same_place_once() -> None:
    def place() -> FrameType:
        return sys._getframe()

    here, runs = SimpleNamespace(gr_frame=sys._getframe()), SimpleNamespace(gr_frame=None)
    greenlets = [here, *(SimpleNamespace(gr_frame=place()) for _ in range(3)), runs]
    text = format_greenlets(greenlets)
    assert text.startswith("greenlets: 3\n")
    assert text.index("in place\n") < text.index("\ngreenlets: 1\n")
    assert format_greenlets([runs]) == ""


def test_so_many_places_at_most() -> None:
    places: dict[str, object] = {"sys": sys}
    for number in range(STACKS_MAX + 3):
        exec(f"def place_{number}(): return sys._getframe()", places)
    greenlets = [SimpleNamespace(gr_frame=places[f"place_{number}"]()) for number in range(STACKS_MAX + 3)]  # type: ignore[operator]
    assert format_greenlets(greenlets).count("greenlets: 1\n") == STACKS_MAX
