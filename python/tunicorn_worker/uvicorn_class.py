"""What a worker class of uvicorn's, or one derived from it, says: looked at in the child that checks the class.

Such classes mostly say nothing but options (``CONFIG_KWARGS``); src/settings/uvicorn-class.ts makes settings of them.
"""

from __future__ import annotations

from tunicorn_worker.python_value import describe_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PACKAGES = ("uvicorn", "uvicorn_worker")
BASE_NAME = "UvicornWorker"
OPTIONS = "CONFIG_KWARGS"


def describe_uvicorn_class(worker_class: type) -> dict[str, Any] | None:
    """Describe the class for the arbiter; None for one that is not uvicorn's.

    ``{"options": [["loop", {"t": "str", "v": "asyncio"}]], "overrides": ["run"]}``
    """
    ancestry = worker_class.__mro__
    base = next((each for each in ancestry if is_of_uvicorn(each) and each.__name__ == BASE_NAME), None)
    if base is None:
        return None
    derived = [each for each in ancestry if each not in base.__mro__ and not is_of_uvicorn(each)]
    overrides = sorted({name for each in derived for name, value in vars(each).items() if changes(base, name, value)})
    options: dict[str, object] = getattr(worker_class, OPTIONS)
    return {"options": [[name, describe_value(value)] for name, value in options.items()], "overrides": overrides}


def is_of_uvicorn(each: type) -> bool:
    return each.__module__.partition(".")[0] in PACKAGES


def changes(base: type, name: str, value: object) -> bool:
    """Whether this attribute of a derived class makes it behave in another way than its base."""
    if name == OPTIONS:
        return False
    is_code = callable(value) or hasattr(value, "__get__")
    # Python's own: __module__, __doc__, __annotations__, __firstlineno__; never functions of the user's.
    if name.startswith("__") and not is_code:
        return False
    if name in ("__weakref__", "__dict__", "__annotate__", "__annotate_func__"):
        return False
    return is_code or hasattr(base, name)
