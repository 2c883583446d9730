"""Python values on their way through JSON to the arbiter, with their types kept (`PyValue` of channels.md §1)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    PyValue = dict[str, Any]

# Deeper than any setting's; beyond it (a list that contains itself) a value is named, not described.
DEPTH_MAX = 32
# str() of an object is for messages and --print-config.
TEXT_MAX = 4096


def describe_value(value: object, depth: int = 0) -> PyValue:
    """`3` gives ``{"t": "int", "v": "3"}``: numbers travel as text, for JavaScript's are all floats.

    Subclasses count as their base (an IntEnum is an int), as Gunicorn's validators see them. What JSON cannot carry
    becomes
    ``{"t": "object", "type": "module", "text": str(value), "name": ..., "callable": ...}``.
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
        if isinstance(value, list):
            return {"t": "list", "v": [describe_value(item, depth + 1) for item in value]}
        if isinstance(value, tuple):
            return {"t": "tuple", "v": [describe_value(item, depth + 1) for item in value]}
        if isinstance(value, dict):
            return {
                "t": "dict",
                "v": [[describe_value(key, depth + 1), describe_value(item, depth + 1)] for key, item in value.items()],
            }
    return describe_object(value)


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
