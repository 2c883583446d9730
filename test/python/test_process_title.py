from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from tunicorn_worker.process_title import find_title_setter, set_process_title, title_name


@pytest.fixture(name="calls")
def _calls(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The setproctitle package of a user's environment; notes its calls."""
    calls: list[object] = []
    package: Any = types.ModuleType("setproctitle")
    package.getproctitle = lambda: calls.append("asked")
    package.setproctitle = calls.append
    monkeypatch.setitem(sys.modules, "setproctitle", package)
    return calls


def test_the_title_is_asked_for_once_before_it_is_set(calls: list[object]) -> None:
    set_process_title("tunicorn: worker [app]")
    assert calls == ["asked", "tunicorn: worker [app]"]


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "setproctitle", None)
    assert find_title_setter() is None
    set_process_title("tunicorn: worker [app]")


def test_not_on_macos(calls: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    set_process_title("tunicorn: worker [app]")
    assert calls == []


def test_the_name_beside_another_master(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GUNICORN_PID", raising=False)
    assert title_name("shop") == "shop"
    monkeypatch.setenv("GUNICORN_PID", "7")
    assert title_name("shop") == "shop.2"
