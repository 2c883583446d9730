from __future__ import annotations

import collections
import enum
import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunicorn_worker.python_value import DEPTH_MAX, TEXT_MAX, count_positional, describe_value, restore_value

PACKAGE = str(Path(__file__).parents[2] / "python")


class Level(enum.IntEnum):
    HIGH = 3


class Broken:
    def __str__(self) -> str:
        raise ValueError("no text")


def on_starting(server: object) -> None:
    """A hook."""


PLAIN = [
    (None, {"t": "none"}),
    (True, {"t": "bool", "v": True}),
    (3, {"t": "int", "v": "3"}),
    (2**70, {"t": "int", "v": "1180591620717411303424"}),
    (Level.HIGH, {"t": "int", "v": "3"}),
    (1.5, {"t": "float", "v": "1.5"}),
    (float("nan"), {"t": "float", "v": "nan"}),
    ("x\udc80", {"t": "str", "v": "x\udc80"}),
    ([1, "a"], {"t": "list", "v": [{"t": "int", "v": "1"}, {"t": "str", "v": "a"}]}),
    ((), {"t": "tuple", "v": []}),
    ({1}, {"t": "list", "v": [{"t": "int", "v": "1"}]}),
    (frozenset("a"), {"t": "list", "v": [{"t": "str", "v": "a"}]}),
    (collections.OrderedDict(b=None), {"t": "dict", "v": [[{"t": "str", "v": "b"}, {"t": "none"}]]}),
    (
        on_starting,
        {
            "t": "object",
            "type": "function",
            "text": str(on_starting),
            "name": "on_starting",
            "callable": True,
            "arity": 1,
        },
    ),
    (sys, {"t": "object", "type": "module", "text": str(sys), "name": "sys", "callable": False}),
]


@pytest.mark.parametrize(("value", "described"), PLAIN)
def test_describes(value: object, described: dict[str, Any]) -> None:
    assert describe_value(value) == described


def test_an_object_whose_text_fails_is_named() -> None:
    assert describe_value(Broken())["text"] == "<Broken, whose str() raised ValueError>"


def test_a_long_text_is_cut() -> None:
    assert len(describe_value(b"x" * 3 * TEXT_MAX)["text"]) == TEXT_MAX


def test_a_list_that_contains_itself_ends() -> None:
    endless: list[object] = []
    endless.append(endless)
    described = describe_value(endless)
    for _ in range(DEPTH_MAX):
        assert described["t"] == "list"
        described = described["v"][0]
    assert described["t"] == "object"


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner))


class Hooks:
    def bound(self, server: object, worker: object = None) -> None: ...
    @staticmethod
    def static(server: object) -> None: ...
    def __call__(self, server: object, *rest: object, named: int = 0) -> None: ...


@functools.wraps(on_starting)
def wrapped(*arguments: object) -> None: ...


class WithoutSignature:
    __signature__ = "none at all"

    def __call__(self) -> None: ...


@pytest.mark.parametrize(
    ("function", "arity"),
    [
        (on_starting, 1),
        (lambda: None, 0),
        (lambda *_: None, 0),
        (lambda a, /, b, *, c=1: None, 2),
        (Hooks().bound, 2),
        (Hooks.bound, 3),
        (Hooks.static, 1),
        (Hooks(), 1),
        (Hooks, 0),
        (wrapped, 1),
        (functools.partial(Hooks.bound, None), 2),
        (len, 1),
        (WithoutSignature(), None),
        (dict.fromkeys, 2),
        (locals, 0),
    ],
)
def test_counts_positional_parameters(function: Any, arity: int | None) -> None:
    assert count_positional(function) == arity
    assert describe_value(function).get("arity") == arity


def test_hooks_in_a_dict_have_no_arity() -> None:
    assert "arity" not in describe_value({"a": len})["v"][0][1]


def test_plain_functions_cost_no_import() -> None:
    program = (
        "import sys; from tunicorn_worker.python_value import count_positional\n"
        "assert count_positional(lambda a: None) == 1\n"
        "assert 'inspect' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {PACKAGE!r})\n{program}"], check=True
    )


@pytest.mark.parametrize("value", [None, True, 3, "x", [], [1, "a", None]])
def test_plain_json_stands_for_itself(value: object) -> None:
    assert restore_value(value, "live") == value


@pytest.mark.parametrize("value", [len, int, {"class": int}, [(len,)], {frozenset("a"): 1}])
def test_what_json_cannot_carry_is_the_live_object(value: object) -> None:
    assert restore_value(describe_value(value), value) is value
    assert restore_value(describe_value(value)) is None


def test_an_import_string_is_text() -> None:
    described = {"t": "object", "type": "str", "text": "a.b", "name": "b", "callable": True}
    assert restore_value(described, len) == "a.b"


@given(VALUES)
def test_types_and_values_survive_json(value: object) -> None:
    rebuilt = restore_value(json.loads(json.dumps(describe_value(value))))
    assert rebuilt == value
    assert repr(rebuilt) == repr(value)
