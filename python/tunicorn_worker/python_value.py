"""Python values on their way through JSON to the arbiter and back, types kept (`PyValue` of channels.md §1)."""

from __future__ import annotations

from types import FunctionType, MethodType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    PyValue = dict[str, Any]

# Deeper than any setting's; beyond it (a list that contains itself) a value is named, not described.
DEPTH_MAX = 32
# str() of an object is for messages and --print-config.
TEXT_MAX = 4096

READERS: dict[str, Callable[[Any], Any]] = {"bool": bool, "int": int, "float": float, "str": str}


def describe_value(value: object, depth: int = 0) -> PyValue:
    """`3` gives ``{"t": "int", "v": "3"}``: numbers travel as text, for JavaScript's are all floats.

    Subclasses count as their base (an IntEnum is an int), as Gunicorn's validators see them; sets are lists. What JSON
    cannot carry becomes ``{"t": "object", "type": "module", "text": str(value), "name": ..., "callable": ...}``, with
    ``"arity"`` if it is callable and that can be found out.
    """
    if value is None:
        return {"t": "none"}
    if isinstance(value, bool):
        return {"t": "bool", "v": value}
    if isinstance(value, int):
        return {"t": "int", "v": int.__repr__(value)}
    if isinstance(value, float):
        return {"t": "float", "v": float.__repr__(value)}
    if isinstance(value, str):
        return {"t": "str", "v": str.__str__(value)}
    if depth < DEPTH_MAX:
        if isinstance(value, (list, set, frozenset)):
            return {"t": "list", "v": [describe_value(item, depth + 1) for item in value]}
        if isinstance(value, tuple):
            return {"t": "tuple", "v": [describe_value(item, depth + 1) for item in value]}
        if isinstance(value, dict):
            return {
                "t": "dict",
                "v": [[describe_value(key, depth + 1), describe_value(item, depth + 1)] for key, item in value.items()],
            }
    described = describe_object(value)
    # A hook is the value itself; what stands inside a dict is nobody's hook, and to find its arity may take long.
    arity = count_positional(value) if depth == 0 and described["callable"] else None
    return described if arity is None else {**described, "arity": arity}


def describe_object(value: object) -> PyValue:
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    return {
        "t": "object",
        "type": type(value).__name__,
        "text": text_of(value),
        "name": name if isinstance(name, str) else None,
        "callable": callable(value),
    }


def text_of(value: object) -> str:
    try:
        return str(value)[:TEXT_MAX]
    except Exception as error:
        return f"<{type(value).__name__}, whose str() raised {type(error).__name__}>"


def count_positional(function: Any) -> int | None:
    """How many positional parameters a callable has, those with defaults included and a method's `self` not; None when
    Python does not know.
    """
    bound = type(function) is MethodType
    plain = function.__func__ if bound else function
    # Nearly every hook is one of these, and the inspect module takes as long to import as all of ours.
    if type(plain) is FunctionType and not vars(plain):
        count: int = plain.__code__.co_argcount
        return max(count - 1, 0) if bound else count
    from inspect import Parameter, signature

    try:
        parameters = signature(function).parameters.values()
    except Exception:  # ValueError for many of C; anything, for a __signature__ of the user's.
        return None
    positional = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return sum(parameter.kind in positional for parameter in parameters)


def restore_value(value: Any, live: object = None) -> Any:
    """The way back: `value` is one of the command `settings`, JSON in which every object is a PyValue.

    live: what the configuration file gave that setting. It is returned when JSON cannot carry the value: for functions,
    classes, and dicts that hold some. The import string of one is a str.
    """
    try:
        return rebuild(value)
    except OnlyInPython:
        return live


class OnlyInPython(Exception):
    """A part of the value exists only as the live object."""


def rebuild(value: Any) -> Any:
    """Raises OnlyInPython."""
    if isinstance(value, list):
        return [rebuild(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind: str = value["t"]
    content: Any = value.get("v")
    if kind == "none":
        return None
    if kind in READERS:
        return READERS[kind](content)
    if kind == "list":
        return rebuild(content)
    if kind == "tuple":
        return tuple(rebuild(content))
    if kind == "dict":
        try:
            return {rebuild(key): rebuild(item) for key, item in content}
        except TypeError:  # A frozenset as a key has become a list.
            raise OnlyInPython from None
    # The arbiter's shape for an import string: an object whose type is str.
    if value["type"] == "str":
        return value["text"]
    raise OnlyInPython
