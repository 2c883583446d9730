"""A living worker is asked for its stacks as the nursery asks, wherever it is; and it is not disturbed by that."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from fake_gateway import FakeGateway, make_environ
from test_sync_worker import answer, echo
from tunicorn_worker.stacks_file import SHOW_SIGNAL, STACKS_BYTES_MAX
from tunicorn_worker.stacks_watch import BY_FAULTHANDLER
from worker_process import WorkerProcess

RUNS = "application runs\n"


def computes(gate: socket.socket) -> bytes:
    while not select.select([gate], [], [], 0)[0]:
        pass
    return gate.recv(10)


def sleeps(gate: socket.socket) -> bytes:
    begun = time.monotonic()
    time.sleep(0.5)
    assert time.monotonic() - begun >= 0.5
    return gate.recv(10)


def reads_a_socket(gate: socket.socket) -> bytes:
    return gate.recv(10)


def waits_for_a_lock(gate: socket.socket) -> bytes:
    lock = threading.Lock()
    lock.acquire()

    def let_go() -> None:
        gate.recv(10)
        lock.release()

    threading.Thread(target=let_go).start()
    lock.acquire()
    return b"go"


def is_in_c(gate: socket.socket) -> bytes:
    return read_in_c(ctypes.CDLL(None), gate)


def is_in_c_with_the_interpreters_lock(gate: socket.socket) -> bytes:
    return read_in_c(ctypes.PyDLL(None), gate)


def sums(_gate: socket.socket) -> bytes:
    """Computes in C, longer than anybody waits."""
    return b"%d" % sum(range(10**12))


def read_in_c(library: Any, gate: socket.socket) -> bytes:
    """A read(2) as a C library makes it, which takes EINTR for an error."""
    buffer = ctypes.create_string_buffer(10)
    count = library.read(gate.fileno(), buffer, 10)
    return buffer.raw[:count] if count >= 0 else b"failed"


SEEN_BY_PYTHON = (computes, sleeps)
# They are restarted without Python having been asked.
SEEN_BY_FAULTHANDLER = (reads_a_socket, waits_for_a_lock, is_in_c, is_in_c_with_the_interpreters_lock)


@pytest.mark.parametrize("where", [*SEEN_BY_PYTHON, *SEEN_BY_FAULTHANDLER])
def test_wherever_it_is_it_goes_on(
    start: Callable[..., WorkerProcess], gateway: FakeGateway, where: Callable[[socket.socket], bytes]
) -> None:
    near, far = socket.socketpair()
    # The worker closes what it has of its parent's, up to some number.
    os.dup2(far.fileno(), 400)

    def application(_environ: Any, start_response: Any) -> Any:
        os.write(2, RUNS.encode())
        start_response("200 OK", [])
        return [where(socket.socket(fileno=400))]

    worker = start(application).boot()
    os.close(400)
    worker.link(gateway)
    gateway.request(9, make_environ())
    worker.wait_for_log(RUNS)
    place = f"in {where.__name__}\n"
    whole = worker.wait_for_stack(place)
    one = worker.wait_for_stack(place, 9)
    if where in SEEN_BY_PYTHON:
        assert whole.startswith("Thread MainThread (")
        assert "Thread" not in one
    else:
        assert whole.startswith(BY_FAULTHANDLER)
        assert one.startswith(BY_FAULTHANDLER)
    near.sendall(b"go")
    assert answer(gateway) == (9, b"go")
    near.close()
    far.close()
    assert "Traceback" not in worker.log


def test_while_it_computes_in_c(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    def application(_environ: Any, _start_response: Any) -> Any:
        os.write(2, RUNS.encode())
        return [sums(socket.socket())]

    worker = start(application).boot()
    worker.link(gateway)
    gateway.request(9, make_environ())
    worker.wait_for_log(RUNS)
    assert worker.wait_for_stack("in sums\n").startswith(BY_FAULTHANDLER)


def test_other_threads_go_on(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    near, far = socket.socketpair()
    os.dup2(far.fileno(), 400)

    def application(_environ: Any, start_response: Any) -> Any:
        over = threading.Event()

        def count() -> None:
            while not over.is_set():
                sum(number for number in range(50))

        threads = [threading.Thread(target=count) for _ in range(2)]
        for thread in threads:
            thread.start()
        os.write(2, RUNS.encode())
        start_response("200 OK", [])
        body = socket.socket(fileno=400).recv(10)
        over.set()
        for thread in threads:
            thread.join()
        return [body]

    worker = start(application).boot()
    os.close(400)
    worker.link(gateway)
    gateway.request(9, make_environ())
    worker.wait_for_log(RUNS)
    assert "in count\n" not in worker.wait_for_stack(BY_FAULTHANDLER)
    near.sendall(b"go")
    assert answer(gateway) == (9, b"go")
    near.close()
    far.close()


def test_while_it_is_idle_and_again_and_again(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    worker = start(echo).boot()
    worker.link(gateway)
    for _ in range(3):
        assert worker.wait_for_stack("in pull_requests\n").count("Thread MainThread (") == 1
    gateway.request(9, make_environ(target="/after"))
    assert answer(gateway) == (9, b"/after ")


def test_while_it_imports(start: Callable[..., WorkerProcess], tmp_path: Any) -> None:
    (tmp_path / "mod.py").write_text("import os, time\nos.write(2, b'importing\\n')\ntime.sleep(60)\n")
    worker = start(app="mod:app", chdir=str(tmp_path))
    worker.wait_for_log("importing\n")
    assert worker.event()["ev"] == "started"
    worker.receive_stacks_file()
    worker.wait_for_stack("in <module>\n    time.sleep(60)")


def test_an_application_that_took_the_signal(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    def application(_environ: Any, start_response: Any) -> Any:
        signal.signal(SHOW_SIGNAL, signal.SIG_DFL)
        start_response("200 OK", [])
        return [b"taken"]

    worker = start(application).boot()
    worker.link(gateway)
    gateway.request(9, make_environ())
    assert answer(gateway) == (9, b"taken")
    assert worker.show_stacks() == "cannot show its stacks: its application has taken the signal for itself"


def test_no_more_than_so_much(start: Callable[..., WorkerProcess], gateway: FakeGateway) -> None:
    def application(_environ: Any, start_response: Any) -> Any:
        go = threading.Event()
        for number in range(40):
            threading.Thread(target=go.wait, name=f"{number}" * 8000, daemon=True).start()
        start_response("200 OK", [])
        return [b"begun"]

    worker = start(application).boot()
    worker.link(gateway)
    gateway.request(9, make_environ())
    assert answer(gateway) == (9, b"begun")
    assert len(worker.show_stacks()) == STACKS_BYTES_MAX


def test_a_process_that_is_stopped_does_not_answer(start: Callable[..., WorkerProcess]) -> None:
    worker = start(echo).boot()
    os.kill(worker.pid, signal.SIGSTOP)
    assert worker.show_stacks() == "cannot show its stacks: it does not answer, its state is T (stopped)"
    os.kill(worker.pid, signal.SIGCONT)
    # The answer to the first comes late, and is none to the second.
    assert worker.show_stacks().count("Thread MainThread (") == 1
