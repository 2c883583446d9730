from __future__ import annotations

from tunicorn_worker.boot_failure import CHARACTERS_MAX, boot_failure


def recurse() -> None:
    recurse()


def failure_of(call: object) -> str:
    try:
        call()  # type: ignore[operator]
    except Exception as error:
        message = boot_failure(error)
        assert message["ev"] == "boot-failed"
        return str(message["text"])
    raise AssertionError


def test_the_traceback_is_told() -> None:
    text = failure_of(lambda: {}["missing"])
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.endswith("KeyError: 'missing'\n")


def test_the_end_of_a_long_one_is_told() -> None:
    def long() -> None:
        raise ValueError("x" * (2 * CHARACTERS_MAX) + "end")

    text = failure_of(long)
    assert len(text) == CHARACTERS_MAX
    assert text.endswith("xend\n")
    assert "RecursionError" in failure_of(recurse)
