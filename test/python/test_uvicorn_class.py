"""What is found out about a class of uvicorn's: its options, and whether it is more than options."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from tunicorn_worker.uvicorn_class import describe_uvicorn_class


class Worker:
    """Stands for gunicorn.workers.base.Worker."""

    def init_process(self) -> None: ...

    def notify(self) -> None: ...


def make_base(module: str) -> type:
    namespace = {"__module__": module, "CONFIG_KWARGS": {"loop": "auto", "http": "auto"}, "run": lambda self: None}
    return type("UvicornWorker", (Worker,), namespace)


MODULES = ["uvicorn.workers", "uvicorn_worker._workers"]


@pytest.mark.parametrize("module", MODULES)
def test_options(module: str) -> None:
    base: Any = make_base(module)

    class Mine(base):
        """With a text, an annotation and a value of its own that no other class reads."""

        CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"root_path": "/x", "factory": True}
        name_of_mine = "mine"

    assert describe_uvicorn_class(Mine) == {
        "options": [["root_path", {"t": "str", "v": "/x"}], ["factory", {"t": "bool", "v": True}]],
        "overrides": [],
    }


def test_a_class_of_the_package_and_what_is_derived_from_it() -> None:
    base: Any = make_base("uvicorn.workers")
    h11: Any = type(
        "UvicornH11Worker",
        (base,),
        {"__module__": "uvicorn.workers", "CONFIG_KWARGS": {"loop": "asyncio"}, "own": lambda self: None},
    )
    mine = type("Mine", (h11,), {"__module__": "mine"})
    assert describe_uvicorn_class(mine) == {"options": [["loop", {"t": "str", "v": "asyncio"}]], "overrides": []}


class Mixin:
    def notify(self) -> None: ...


@pytest.mark.parametrize(
    ("namespace", "bases", "overrides"),
    [
        ({"__init__": lambda self: None}, (), ["__init__"]),
        ({"run": lambda self: None, "extra": property(lambda self: 1)}, (), ["extra", "run"]),
        ({"run": None}, (), ["run"]),
        ({"setup": classmethod(lambda cls: None)}, (), ["setup"]),
        ({}, (Mixin,), ["notify"]),
    ],
)
def test_code_of_its_own(namespace: dict[str, Any], bases: tuple[type, ...], overrides: list[str]) -> None:
    base = make_base("uvicorn.workers")
    mine = type("Mine", (*bases, base), {"__module__": "mine", **namespace})
    found = describe_uvicorn_class(mine)
    assert found is not None
    assert found["overrides"] == overrides


def test_another_class() -> None:
    assert describe_uvicorn_class(Worker) is None
    assert describe_uvicorn_class(type("UvicornWorker", (Worker,), {"__module__": "mine"})) is None
