"""The child's side in this process with a pipe, the nursery's side with a pipe that a test fills."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator

import pytest

from tunicorn_worker.app_check import AppCheck, check_application
from tunicorn_worker.descriptors import Descriptor


@pytest.fixture(name="pipe")
def _pipe() -> Iterator[tuple[Descriptor, Descriptor]]:
    reader, writer = map(Descriptor, os.pipe())
    yield reader, writer
    reader.close()
    writer.close()


def raises(error: BaseException) -> Callable[[], object]:
    def load() -> object:
        raise error

    return load


@pytest.mark.parametrize(
    ("load", "code", "text"),
    [
        (lambda: "application", 0, ""),
        (lambda: sys.exit(), 0, ""),
        (lambda: sys.exit(7), 7, ""),
        (lambda: sys.exit("no database"), 1, "no database"),
    ],
)
def test_exit_codes(pipe: tuple[Descriptor, Descriptor], load: Callable[[], object], code: int, text: str) -> None:
    reader, writer = pipe
    assert check_application(load, writer.fileno()) == code
    assert AppCheck(1, reader, "app-checked").finish() == text


@pytest.mark.parametrize("error", [ImportError("no module"), KeyboardInterrupt(), ValueError("caf\u00e9 \udc80")])
def test_a_failure_is_told_with_its_traceback(pipe: tuple[Descriptor, Descriptor], error: BaseException) -> None:
    reader, writer = pipe
    assert check_application(raises(error), writer.fileno()) == 1
    text = AppCheck(1, reader, "app-checked").finish()
    assert text.startswith("Traceback (most recent call last):\n")
    last = f"{type(error).__name__}: {error}".removesuffix(": ")
    assert text.endswith(last.encode(errors="backslashreplace").decode() + "\n")


def test_text_is_gathered_as_it_comes(pipe: tuple[Descriptor, Descriptor]) -> None:
    reader, writer = pipe
    check = AppCheck(1, reader, "app-checked")
    assert check.read() is False
    os.write(writer.fileno(), b"caf\xc3")
    assert check.read() is True
    os.write(writer.fileno(), b"\xa9 \xff")
    # The writing end is open, as a process that the child left behind would keep it: nothing is waited for.
    assert check.finish() == "caf\u00e9 \ufffd"
    writer.close()
    assert check.read() is False
