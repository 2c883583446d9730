"""The master as hooks see it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from fake_gateway import make_config
from tunicorn_worker.hook_objects import HookWorker
from tunicorn_worker.hook_server import REFUSED, HookServer
from tunicorn_worker.loggers import Loggers
from tunicorn_worker.server_log import ServerLog

LOG = ServerLog(Loggers())


class Orders:
    """Writes down what is asked of the arbiter."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def set_workers(self, new: int, old: int) -> None:
        self.asked.append(("workers", new, old))

    def send_signal(self, name: str) -> None:
        self.asked.append(("signal", name))

    def halt(self, reason: str | None, code: int) -> None:
        self.asked.append(("halt", reason, code))


def test_what_users_read() -> None:
    config = make_config(workers=4, timeout=9)
    server = HookServer(config, LOG, Orders())
    assert (server.pid, server.master_pid, server.master_name, server.worker_age) == (config.master_pid, 0, "Master", 0)
    assert (server.num_workers, server.timeout, server.proc_name, server.WORKERS) == (None, 9, config.proc_name, {})
    assert server.START_CTX[0] == sys.executable
    assert signal.SIGHUP in server.SIGNALS
    server.note_workers(4)
    assert server.num_workers == 4
    other = make_config(timeout=11)
    server.configure(other, LOG)
    assert (server.cfg, server.timeout) == (other, 11)


def test_beside_the_master_that_is_to_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUNICORN_PID", "7")
    server = HookServer(make_config(), LOG, Orders())
    assert (server.master_pid, server.master_name, server.proc_name) == (7, "Master.2", "app:app.2")
    monkeypatch.delenv("GUNICORN_PID")
    server.promote()
    assert (server.master_pid, server.master_name, server.proc_name) == (0, "Master", "app:app")


@pytest.mark.parametrize(
    ("family", "address", "text"),
    [(socket.AF_INET, ("127.0.0.1", 0), "http://127.0.0.1:{}"), (socket.AF_INET6, ("::1", 0), "http://[::1]:{}")],
)
def test_listeners(family: socket.AddressFamily, address: tuple[str, int], text: str) -> None:
    server = HookServer(make_config(), LOG, Orders())
    with socket.socket(family, socket.SOCK_STREAM) as bound:
        bound.bind(address)
        server.listen([bound])
        (listener,) = server.LISTENERS
        assert str(listener) == text.format(bound.getsockname()[1])
        assert (listener.getsockname(), listener.fileno()) == (bound.getsockname(), bound.fileno())


def test_what_hooks_ask_is_carried_to_the_arbiter() -> None:
    orders = Orders()
    server = HookServer(make_config(), LOG, orders)
    server.note_workers(2)
    server.num_workers = 3
    server.num_workers += 1
    server.reload()
    server.handle_ttou()
    server.signal(signal.SIGUSR1, None)
    server.SIG_QUEUE.put_nowait(signal.SIGTERM)
    server.halt("enough", 7)
    server.wakeup()
    assert orders.asked == [
        ("workers", 3, 2),
        ("workers", 4, 3),
        ("signal", "HUP"),
        ("signal", "TTOU"),
        ("signal", "USR1"),
        ("signal", "TERM"),
        ("halt", "enough", 7),
    ]


def test_signals_to_workers() -> None:
    server = HookServer(make_config(), LOG, Orders())
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        server.WORKERS[child.pid] = HookWorker(1, make_config(), LOG, pid=child.pid)
        server.kill_workers(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    server.kill_worker(child.pid, signal.SIGTERM)
    assert server.WORKERS == {}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_only_the_arbiter_does_is_refused(name: str) -> None:
    server = HookServer(make_config(), LOG, Orders())
    with pytest.raises(RuntimeError, match=f"server.{name}\\(\\) cannot be called by a hook"):
        getattr(server, name)()


def test_no_other_attributes() -> None:
    server = HookServer(make_config(), LOG, Orders())
    assert not hasattr(server, "nonsense")
    assert not hasattr(server, "handle_segv")
    with pytest.raises(RuntimeError, match="set it in the configuration"):
        server.cfg.set("workers", 3)


def test_in_a_worker_it_is_a_copy() -> None:
    server = HookServer(make_config(workers=5), LOG)
    assert (server.num_workers, server.pid == os.getpid()) == (5, False)
    server.num_workers = 6
    assert server.num_workers == 6
    for ask in (server.reload, server.halt, server.handle_hup):
        with pytest.raises(RuntimeError, match="has no meaning in a worker"):
            ask()
