from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from gunicorn.workers.base import Worker
from gunicorn.workers.gtornado import TornadoWorker

from fake_gateway import make_config
from tunicorn_worker.direct_parts import DirectApplication, class_name, take_listener
from tunicorn_worker.errors import AppImportError


def test_the_application_is_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app_of_direct_parts.py").write_text("def application(environ, start_response): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    config = make_config("app_of_direct_parts", chdir=str(tmp_path), worker_class="x")
    app = DirectApplication(config, "cfg", Worker, None)
    assert (app.cfg, app.callable) == ("cfg", None)
    assert app.wsgi().__name__ == "application"
    assert app.wsgi() is app.callable


def test_a_preloaded_application_is_looked_at_as_well() -> None:
    async def asgi() -> None: ...

    app = DirectApplication(make_config(worker_class="tornado"), None, TornadoWorker, asgi)
    with pytest.raises(AppImportError, match="worker class 'tornado' cannot serve"):
        app.wsgi()


def test_listeners_look_like_gunicorns() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        port = bound.getsockname()[1]
        address = {"kind": "tcp", "host": "127.0.0.1", "port": port, "path": None}
        with take_listener(os.dup(bound.fileno()), address) as listener:
            assert isinstance(listener, socket.socket)
            assert (str(listener), listener.cfg_addr) == (f"http://127.0.0.1:{port}", ("127.0.0.1", port))
            assert listener.sock is listener
            assert not listener.getblocking()
            assert not listener.get_inheritable()


def test_listeners_of_other_families(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path)
        with take_listener(os.dup(bound.fileno()), {"kind": "unix", "host": None, "port": None, "path": path}) as unix:
            assert (str(unix), unix.cfg_addr) == (f"unix:{path}", path)
    with socket.socket(socket.AF_INET6) as bound:
        bound.bind(("::1", 0))
        port = bound.getsockname()[1]
        with take_listener(os.dup(bound.fileno()), {"kind": "tcp6", "host": "::1", "port": port, "path": None}) as six:
            assert str(six) == f"http://[::1]:{port}"


def test_names() -> None:
    assert class_name(make_config(worker_class="tornado")) == "tornado"
    assert class_name(make_config(worker_class=Worker)) == "Worker"
