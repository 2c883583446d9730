from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tunicorn_worker.surroundings import (
    Environment,
    give_back_variables,
    launch_directory,
    make_importable,
    make_log_file,
)


def test_environment_is_restored_before_it_is_applied_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "before")
    monkeypatch.delenv("NEW", raising=False)
    environment = Environment()
    environment.apply({"KEPT": "one", "NEW": "one"})
    assert (os.environ["KEPT"], os.environ["NEW"]) == ("one", "one")
    environment.apply({"OTHER": "two"})
    assert os.environ["KEPT"] == "before"
    assert "NEW" not in os.environ
    environment.apply({})
    assert "OTHER" not in os.environ


def test_launch_directory_keeps_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path / "real")
    monkeypatch.setenv("PWD", str(tmp_path / "link"))
    assert launch_directory() == str(tmp_path / "link")
    for wrong in (str(tmp_path), str(tmp_path / "nothing")):
        monkeypatch.setenv("PWD", wrong)
        assert launch_directory() == str(tmp_path / "real")


def test_make_importable_adds_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["/a"])
    for directory in ("/b", "/a", "/b"):
        make_importable(directory)
    assert sys.path == ["/b", "/a"]


def test_log_files(tmp_path: Path) -> None:
    make_log_file(None)
    make_log_file("-")
    path = tmp_path / "log"
    make_log_file(str(path))
    path.write_text("line\n")
    make_log_file(str(path))
    assert path.read_text() == "line\n"
    with pytest.raises(RuntimeError) as caught:
        make_log_file("/nope/x")
    reason = "FileNotFoundError(2, 'No such file or directory')"
    assert str(caught.value) == f"Error: '/nope/x' isn't writable [{reason}]"


def test_the_application_gets_the_variables_of_node_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNICORN_NODE_OPTIONS", "--max-old-space-size=64")
    monkeypatch.delenv("NODE_OPTIONS", raising=False)
    monkeypatch.delenv("TUNICORN_NODE_EXTRA_CA_CERTS", raising=False)
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", "/set/by/the/user")
    give_back_variables()
    assert os.environ["NODE_OPTIONS"] == "--max-old-space-size=64"
    assert os.environ["NODE_EXTRA_CA_CERTS"] == "/set/by/the/user"
    assert "TUNICORN_NODE_OPTIONS" not in os.environ
