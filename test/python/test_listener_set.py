"""The nursery's listening sockets, through binds and adoptions."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

from fake_gateway import make_config
from tunicorn_worker.descriptors import Holdings
from tunicorn_worker.listener_set import ListenerSet

if TYPE_CHECKING:
    from pathlib import Path


class World:
    def __init__(self) -> None:
        self.said: list[tuple[str, Any]] = []
        self.set = ListenerSet(Holdings(), self.say)

    def say(self, event: str, descriptor: int | None = None, /, **fields: object) -> None:
        self.said.append((event, fields.get("path") or fields.get("port") or fields.get("errno")))

    def bind(self, *paths: str, own: int | None = None) -> bool:
        addresses = [{"index": index, "kind": "unix", "path": path} for index, path in enumerate(paths)]
        own = len(paths) if own is None else own
        return self.set.bind({"addresses": addresses, "backlog": 5, "own": own}, make_config())


def connects(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) == 0


def test_new_ones_open_before_old_ones_close_and_kept_ones_stay(tmp_path: Path) -> None:
    world = World()
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    assert world.bind(one)
    before = world.set.all[0].socket
    assert world.bind(other, one, own=1)
    assert world.set.all[1].socket is before
    assert [listener.describe()["path"] for listener in world.set.own] == [other]
    assert connects(one)
    assert connects(other)
    assert world.bind(other)
    assert not connects(one)
    assert connects(other)
    world.set.close()
    assert not connects(other)
    assert world.said == [
        ("listening", one),
        ("bound", None),
        ("listening", other),
        ("listening", one),
        ("bound", None),
        ("listening", other),
        ("bound", None),
        ("unlistened", None),
    ]


def test_a_bind_that_fails_changes_nothing(tmp_path: Path) -> None:
    world = World()
    (tmp_path / "file").write_text("")
    one = str(tmp_path / "one")
    assert world.bind(one)
    assert not world.bind(str(tmp_path / "file"), one)
    assert world.said[-1] == ("bind-failed", "ENOTSOCK")
    assert connects(one)
    assert len(world.set.own) == 1
    world.set.close()


def test_an_adopted_one_is_kept_under_the_address_it_was_asked_for_by() -> None:
    world = World()
    bound = socket.create_server(("127.0.0.1", 0))
    port = bound.getsockname()[1]
    asked = {"index": 0, "kind": "tcp", "host": "localhost", "port": 0}
    descriptor = os.dup(bound.fileno())
    world.set.adopt(descriptor, {"index": 0, "kind": "tcp", "host": "127.0.0.1", "port": port, "asked": asked})
    bound.close()
    assert world.set.bind({"addresses": [asked], "backlog": 5, "own": 1}, None)
    assert (world.said[0], world.set.all[0].fileno()) == (("listening", port), descriptor)
    world.set.close()


def test_a_socket_that_the_master_was_started_with_is_kept_for_the_next_attempt(tmp_path: Path) -> None:
    world = World()
    path = str(tmp_path / "inherited")
    with socket.socket(socket.AF_UNIX) as inherited:
        inherited.bind(path)
        world.set.inherit(3, os.dup(inherited.fileno()))
    addresses = [{"index": 0, "kind": "fd", "fd": 3}, {"index": 1, "kind": "unix", "path": "/nope/s"}]
    assert not world.set.bind({"addresses": addresses, "backlog": 5, "own": 2}, make_config())
    for _ in range(2):  # at the start; and at a reload, to which nothing is sent again
        assert world.set.bind({"addresses": addresses[:1], "backlog": 5, "own": 1}, make_config())
        assert connects(path)
    world.set.close()
    assert not connects(path)
