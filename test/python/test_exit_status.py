from __future__ import annotations

import pytest

from tunicorn_worker.exit_status import code_of_system_exit, describe_exit, shell_code


@pytest.mark.parametrize(
    ("status", "described", "code"),
    [
        (0, {"code": 0}, 0),
        (3 << 8, {"code": 3}, 3),
        (9, {"signal": "SIGKILL"}, 137),
        (11 | 0x80, {"signal": "SIGSEGV"}, 139),  # with a core file
        (40, {"signal": "signal 40"}, 168),
    ],
)
def test_wait_status(status: int, described: dict[str, object], code: int) -> None:
    assert describe_exit(status) == described
    assert shell_code(status) == code


@pytest.mark.parametrize(("value", "expected"), [(None, (0, "")), (0, (0, "")), (256 + 7, (7, "")), ("no", (1, "no"))])
def test_system_exit(value: object, expected: tuple[int, str]) -> None:
    assert code_of_system_exit(value) == expected
