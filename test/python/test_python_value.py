from __future__ import annotations

import collections
import enum
import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunicorn_worker.python_value import DEPTH_MAX, TEXT_MAX, describe_value


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
    (collections.OrderedDict(b=None), {"t": "dict", "v": [[{"t": "str", "v": "b"}, {"t": "none"}]]}),
    (
        on_starting,
        {"t": "object", "type": "function", "text": str(on_starting), "name": "on_starting", "callable": True},
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


def rebuild(described: dict[str, Any]) -> Any:
    kind: str = described["t"]
    value: Any = described.get("v")
    scalars: dict[str, Any] = {"none": lambda _: None, "bool": bool, "int": int, "float": float, "str": str}
    if kind == "dict":
        return {rebuild(key): rebuild(item) for key, item in value}
    if kind in ("list", "tuple"):
        return [*map(rebuild, value)] if kind == "list" else (*map(rebuild, value),)
    return scalars[kind](value)


@given(VALUES)
def test_types_and_values_survive_json(value: object) -> None:
    rebuilt = rebuild(json.loads(json.dumps(describe_value(value))))
    assert rebuilt == value
    assert repr(rebuilt) == repr(value)
