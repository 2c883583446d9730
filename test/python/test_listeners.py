from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tunicorn_worker.listeners import BindError, Listener, SocketOptions, bind_all

Message = dict[str, Any]

LOOPBACK: Message = {"index": 0, "kind": "tcp", "host": "127.0.0.1", "port": 0}


@pytest.fixture(name="bind")
def _bind() -> Iterator[Binder]:
    binder = Binder()
    yield binder
    for listener in binder.made:
        listener.close()


class Binder:
    def __init__(self) -> None:
        self.made: list[Listener] = []

    def __call__(
        self, *addresses: Message, options: SocketOptions | None = None, inherited: dict[int, int] | None = None
    ) -> list[Listener]:
        self.made += bind_all(addresses, 16, options or SocketOptions(), self.made, inherited)
        return self.made[-len(addresses) :]


def refusal(bind: Binder, *addresses: Message, inherited: dict[int, int] | None = None) -> tuple[int, str, str]:
    with pytest.raises(BindError) as caught:
        bind(*addresses, inherited=inherited)
    return caught.value.index, caught.value.errno_name, str(caught.value)


def test_tcp(bind: Binder) -> None:
    (listener,) = bind(LOOPBACK)
    description = listener.describe()
    assert (description["kind"], description["host"]) == ("tcp", "127.0.0.1")
    with socket.create_connection(("127.0.0.1", description["port"])):
        pass
    assert listener.socket.getblocking() is False
    assert listener.socket.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) != 0


def test_a_shared_port(bind: Binder) -> None:
    shared = SocketOptions(reuse_port=True)
    (first,) = bind(LOOPBACK, options=shared)
    again = {**LOOPBACK, "port": first.describe()["port"]}
    others = bind_all([again], 16, shared)
    assert others[0].describe()["port"] == again["port"]
    others[0].close()
    with pytest.raises(BindError):
        bind_all([again], 16, SocketOptions())


def test_tcp6(bind: Binder) -> None:
    (listener,) = bind({"index": 0, "kind": "tcp6", "host": "::1", "port": 0})
    assert listener.describe()["kind"] == "tcp6"
    assert listener.describe()["host"] == "::1"


def test_port_in_use_and_nothing_is_kept(bind: Binder, tmp_path: Path) -> None:
    taken = bind(LOOPBACK)[0].describe()["port"]
    path = str(tmp_path / "s")
    wanted = [
        {"index": 0, "kind": "unix", "path": path},
        {"index": 1, "kind": "tcp", "host": "127.0.0.1", "port": taken},
    ]
    assert refusal(bind, *wanted) == (1, "EADDRINUSE", "[Errno 98] Address already in use")
    assert not os.path.exists(path)


@pytest.mark.parametrize(
    ("address", "name", "text"),
    [
        (
            {"kind": "tcp", "host": "192.0.2.1", "port": 0},
            "EADDRNOTAVAIL",
            "[Errno 99] Cannot assign requested address",
        ),
        ({"kind": "tcp", "host": "127.0.0.1", "port": 70000}, "EINVAL", "bind(): port must be 0-65535."),
        ({"kind": "unix", "path": "/nope/s"}, "ENOENT", "[Errno 2] No such file or directory"),
        ({"kind": "unix", "path": "/tmp/" + "x" * 200}, "ENAMETOOLONG", "AF_UNIX path too long"),
        ({"kind": "fd", "fd": 99999}, "EBADF", "[Errno 9] Bad file descriptor"),
        ({"kind": "tcp", "host": "no such host", "port": 1}, "EAI_NONAME", "[Errno -2] Name or service not known"),
    ],
)
def test_refusals(bind: Binder, address: Message, name: str, text: str) -> None:
    assert refusal(bind, {"index": 3, **address}) == (3, name, text)


def test_unix_mode_options_and_inode(bind: Binder, tmp_path: Path) -> None:
    path = tmp_path / "s"
    options = SocketOptions(umask=0o027, uid=os.getuid(), gid=os.getgid())
    umask = os.umask(0o022)
    try:
        (listener,) = bind({"index": 0, "kind": "unix", "path": str(path)}, options=options)
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o750
    description = listener.describe()
    assert (description["path"], description["inode"]) == (str(path), path.stat().st_ino)


def test_stale_unix_socket_is_replaced(bind: Binder, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
        stale.listen()
    (listener,) = bind({"index": 0, "kind": "unix", "path": path})
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        listener.socket.accept()[0].close()


def test_unix_socket_of_a_living_server_is_left_alone(bind: Binder, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(path)
        living.listen(0)
        # The first probe fills its queue: "full" is an answer, too.
        for _ in range(3):
            expected = (0, "EADDRINUSE", "[Errno 98] Address already in use")
            assert refusal(bind, {"index": 0, "kind": "unix", "path": path}) == expected
        living.accept()[0].close()


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_what_is_no_socket_is_left_alone(bind: Binder, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "s"
    path.write_text("precious") if kind == "file" else path.mkdir()
    assert refusal(bind, {"index": 0, "kind": "unix", "path": str(path)}) == (
        0,
        "ENOTSOCK",
        f"'{path}' is not a socket",
    )
    assert path.exists()


def test_abstract_unix_socket(bind: Binder) -> None:
    name = f"\0tunicorn-test-{os.getpid()}"
    description = bind({"index": 0, "kind": "unix", "path": name})[0].describe()
    assert (description["path"], description["inode"]) == (name, None)


def test_inherited_descriptor_keeps_its_file_when_another_address_fails(bind: Binder, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    inherited = socket.socket(socket.AF_UNIX)
    inherited.bind(path)
    addresses = [{"index": 0, "kind": "fd", "fd": 3}, {"index": 1, "kind": "unix", "path": "/nope/s"}]
    with inherited:
        assert refusal(bind, *addresses, inherited={3: inherited.fileno()})[0] == 1
        assert os.path.exists(path)
        # For the next attempt.
        assert inherited.getsockname() == path


def test_inherited_descriptor_is_described_by_what_it_is(bind: Binder) -> None:
    inherited = socket.socket()
    inherited.bind(("127.0.0.1", 0))
    port = inherited.getsockname()[1]
    with inherited:
        description = bind({"index": 0, "kind": "fd", "fd": 3}, inherited={3: inherited.fileno()})[0].describe()
    assert (description["kind"], description["port"]) == ("tcp", port)


def test_an_address_asked_for_again_keeps_its_socket(bind: Binder, tmp_path: Path) -> None:
    unix: Message = {"index": 0, "kind": "unix", "path": str(tmp_path / "s")}
    first = bind(unix)[0]
    again, _ = bind({**unix, "index": 1}, {**LOOPBACK, "index": 0})
    assert again.socket is first.socket
    assert again.describe()["index"] == 1
