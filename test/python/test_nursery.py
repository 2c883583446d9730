"""The nursery as a process, driven as the arbiter drives it, with real workers and a stand-in for the gateway."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from fake_arbiter import LIFELINE_FD, PATIENCE_S, FakeArbiter, wait_gone
from tunicorn_worker.gateway_process import SLOT_MEMORY_BYTES

LOOPBACK = {"kind": "tcp", "host": "127.0.0.1", "port": 0}
PACKAGE_DIRECTORY = str(Path(__file__).parents[2] / "python")

# Writes what the application sees while it is imported.
CURIOUS_APP = """
import json, os, resource, signal, sys
facts = {
    "path": sys.path, "argv": sys.argv, "cwd": os.getcwd(), "environment": dict(os.environ), "pid": os.getpid(),
    "mask": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    "nofile": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    "parent": os.getppid(),
}
with open("facts.json", "w") as file:
    json.dump(facts, file)
def application(environ, start_response): ...
"""


@pytest.fixture(name="arbiter")
def _arbiter(tmp_path: Path) -> Iterator[FakeArbiter]:
    (tmp_path / "app.py").write_text("def application(environ, start_response): ...\n")
    with FakeArbiter(tmp_path) as arbiter:
        yield arbiter


def facts(arbiter: FakeArbiter) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((arbiter.directory / "facts.json").read_text())
    return loaded


def shown_name(pid: int) -> str:
    """The title that a process has given itself."""
    title = Path(f"/proc/{pid}/cmdline").read_text().strip("\0 ")
    assert title.startswith("tunicorn: ")
    return title


def test_hello_comes_first(arbiter: FakeArbiter) -> None:
    assert arbiter.wait("hello") == {
        "ev": "hello",
        "pid": arbiter.nursery_pid,
        "python": ".".join(map(str, sys.version_info[:3])),
        "executable": sys.executable,
    }


def test_exit(arbiter: FakeArbiter) -> None:
    arbiter.say("exit")
    assert arbiter.wait_exit() == 0


@pytest.mark.parametrize("preload", [False, True])
def test_what_the_application_sees(tmp_path: Path, preload: bool) -> None:
    (tmp_path / "app.py").write_text(CURIOUS_APP)
    (tmp_path / "lib").mkdir()
    with FakeArbiter(tmp_path, TUNICORN_ARGV='["/bin/tunicorn","app"]', TUNICORN_NOFILE="512") as arbiter:
        arbiter.send_settings(raw_env=["COLOUR=red"], pythonpath="lib")
        arbiter.bind(LOOPBACK)
        arbiter.start_gateway()
        pid = arbiter.boot(1, preload=preload)
        seen = facts(arbiter)
    assert seen["path"][:2] == [str(tmp_path / "lib"), str(tmp_path)]
    assert not any(entry.startswith(PACKAGE_DIRECTORY) for entry in seen["path"])
    assert seen["argv"] == ["/bin/tunicorn", "app"]
    assert seen["cwd"] == str(tmp_path)
    assert seen["environment"]["COLOUR"] == "red"
    assert seen["environment"]["SERVER_SOFTWARE"] == "gunicorn/27.0.1 tunicorn/0"
    assert not [name for name in seen["environment"] if name.startswith(("NODE_CHANNEL", "TUNICORN_"))]
    assert seen["mask"] == []
    assert seen["nofile"] == min(512, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    if not preload:
        assert (seen["pid"], seen["parent"]) == (pid, arbiter.nursery_pid)


def test_a_socket_that_the_master_was_started_with(arbiter: FakeArbiter) -> None:
    arbiter.send_settings()
    with socket.create_server(("127.0.0.1", 0)) as inherited:
        port = inherited.getsockname()[1]
        arbiter.say("inherit", inherited.fileno(), fd=3)
    (described,) = arbiter.bind({"kind": "fd", "fd": 3})
    assert (described["kind"], described["port"]) == ("tcp", port)
    with socket.create_connection(("127.0.0.1", port)):
        pass
    for _, descriptor in arbiter.listeners:
        os.close(descriptor)
    arbiter.listeners.clear()
    arbiter.say("unlisten")
    arbiter.wait("unlistened")
    # No copy is left: the kernel would accept clients for it.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_inherit_without_a_socket(arbiter: FakeArbiter) -> None:
    arbiter.say("inherit", fd=3)
    assert "without a descriptor" in arbiter.wait("failed", cmd="inherit")["text"]


@pytest.mark.parametrize("preload", [False, True])
def test_promoted(tmp_path: Path, preload: bool) -> None:
    (tmp_path / "app.py").write_text(CURIOUS_APP)
    with FakeArbiter(tmp_path, GUNICORN_PID="7") as arbiter:
        arbiter.send_settings()
        arbiter.bind(LOOPBACK)
        arbiter.start_gateway()
        assert shown_name(arbiter.boot(1, preload=preload)).endswith(".2]")
        arbiter.say("promoted")
        assert not shown_name(arbiter.boot(2, preload=preload)).endswith(".2]")
        if not preload:
            assert "GUNICORN_PID" not in facts(arbiter)["environment"]


@pytest.mark.parametrize("preload", [False, True])
def test_a_worker_holds_nothing_of_the_nursery(arbiter: FakeArbiter, preload: bool) -> None:
    arbiter.send_settings()
    arbiter.bind(LOOPBACK, {"kind": "unix", "path": str(arbiter.directory / "s")})
    gateway = arbiter.start_gateway()
    pids = [arbiter.boot(1), arbiter.boot(2, generation=1, preload=True)]
    gateway.wait("worker", worker=2)
    pid = arbiter.boot(3, generation=1, preload=preload)
    gateway.wait("worker", worker=3)
    ours = inherited_from_the_test()
    opened = set(open_files(pid)) - ours
    # Lifeline, control, worker channel; the ticket pipe's reading end; perhaps the slot memory.
    assert sorted(kind_of(target) for target in opened if kind_of(target) in ("socket", "pipe")) == [
        "pipe",
        *["socket"] * 3,
    ]
    shared = opened & set(open_files(arbiter.nursery_pid))
    lifeline = os.readlink(f"/proc/{arbiter.nursery_pid}/fd/{LIFELINE_FD}")
    assert {target for target in shared if kind_of(target) == "socket"} == {lifeline}
    others = {target for other in (1, 2) for target in open_files(pids[other - 1])} - ours
    assert {target for target in opened & others if kind_of(target) == "socket"} == {lifeline}


def open_files(pid: int) -> list[str]:
    """What a process has open, as the kernel names it: `socket:[123]`."""
    return [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]


def kind_of(target: str) -> str:
    return target.partition(":")[0]


def inherited_from_the_test() -> set[str]:
    """What whoever runs the tests lets every process inherit."""
    return {
        os.readlink(f"/proc/self/fd/{number}")
        for number in map(int, os.listdir("/proc/self/fd"))
        if is_inheritable(number)
    }


def test_gateway_gets_what_it_needs_and_nothing_else(arbiter: FakeArbiter) -> None:
    arbiter.send_settings(raw_env=["ONLY_FOR=applications"])
    arbiter.bind(LOOPBACK)
    up = arbiter.start_gateway().wait("up")
    assert up["slot_bytes"] == SLOT_MEMORY_BYTES
    assert up["ticket_pipe"].startswith("pipe:")
    assert up["stdin"] == "/dev/null"
    assert up["session"] != os.getsid(0)
    inheritable = {number for number in map(int, os.listdir("/proc/self/fd")) if is_inheritable(number)}
    # One more: the descriptor with which it lists them.
    assert len(set(up["descriptors"]) - {0, 1, 2} - set(up["expected"]) - inheritable) == 1
    assert "ONLY_FOR" not in up["environment"]
    assert up["environment"]["GATEWAY"] == "1"


def is_inheritable(descriptor: int) -> bool:
    try:
        return os.get_inheritable(descriptor)
    except OSError:
        return False


def test_gateway_that_cannot_be_started(arbiter: FakeArbiter) -> None:
    arbiter.say("gateway", gateway=0, node="/nope/node", flags=[], program="gateway.js", env={})
    _, control = arbiter.wait_handle("gateway")
    os.close(control)
    assert arbiter.wait("gateway-exited")["status"] == {"code": 127}
    arbiter.keep("gateway-channel")
    arbiter.keep("parked")


def test_listeners_go_to_the_gateway_and_again_after_a_pause(arbiter: FakeArbiter) -> None:
    path = str(arbiter.directory / "s")
    tcp, unix = arbiter.bind(LOOPBACK, {"kind": "unix", "path": path})
    assert unix["inode"] == os.stat(path).st_ino
    gateway = arbiter.start_gateway()
    for _ in range(2):
        first = gateway.wait("listen", index=0)
        assert (first["count"], first["name"]) == (2, ["127.0.0.1", tcp["port"]])
        assert gateway.wait("listen", index=1)["name"] == path
        arbiter.say("listen-again", gateway=0)


def test_unlisten_leaves_the_arbiter_the_last_copy(arbiter: FakeArbiter) -> None:
    port = arbiter.bind(LOOPBACK)[0]["port"]
    arbiter.say("unlisten")
    arbiter.wait("unlistened")
    with socket.create_connection(("127.0.0.1", port)):
        pass
    os.close(arbiter.listeners.pop()[1])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_bind_failure(arbiter: FakeArbiter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = {"index": 0, "kind": "tcp", "host": "127.0.0.1", "port": taken.getsockname()[1]}
        arbiter.say("bind", addresses=[address], backlog=5, own=1, hold=False)
        failed = arbiter.wait("bind-failed")
    assert failed == {
        "ev": "bind-failed",
        "index": 0,
        "errno": "EADDRINUSE",
        "text": "[Errno 98] Address already in use",
    }


def test_a_new_gateway_gets_new_memory_and_every_worker(arbiter: FakeArbiter) -> None:
    arbiter.send_settings()
    arbiter.bind(LOOPBACK)
    first = arbiter.start_gateway()
    pipe = first.wait("up")["ticket_pipe"]
    arbiter.boot(1)
    arbiter.boot(2, preload=True)
    ready = {number: f"14000000000000000900000000000000{number:02x}000000" for number in (1, 2)}
    for number, frame in ready.items():
        assert first.wait("worker", worker=number)["frame"] == frame
    os.kill(first.pid, signal.SIGKILL)
    assert arbiter.wait("gateway-exited", pid=first.pid)["status"] == {"signal": "SIGKILL"}
    second = arbiter.start_gateway()
    assert second.wait("up")["ticket_pipe"] != pipe
    for number, frame in ready.items():
        assert second.wait("worker", worker=number)["frame"] == frame


@pytest.mark.parametrize("preload", [False, True])
def test_ways_a_worker_ends(arbiter: FakeArbiter, preload: bool) -> None:
    arbiter.send_settings()
    arbiter.start_gateway()
    for worker, (cmd, status) in enumerate(
        [("stop", {"code": 0}), ("dismiss", {"code": 0}), ("quit", {"code": 0}), ("kill", {"signal": "SIGKILL"})],
        start=1,
    ):
        pid = arbiter.boot(worker, preload=preload)
        arbiter.say(cmd, worker=worker)
        assert arbiter.wait("exited", worker=worker) == {"ev": "exited", "worker": worker, "pid": pid, "status": status}


def test_commands_for_a_worker_that_is_gone_do_nothing(arbiter: FakeArbiter) -> None:
    for cmd in ("stop", "dismiss", "quit", "abort", "kill"):
        arbiter.say(cmd, worker=99)
    arbiter.say("unlisten")
    arbiter.wait("unlistened")


def test_a_worker_says_that_it_was_signalled(arbiter: FakeArbiter) -> None:
    arbiter.send_settings()
    pid = arbiter.boot(1)
    os.kill(pid, signal.SIGTERM)
    assert arbiter.wait("signalled") == {"ev": "signalled", "worker": 1, "signal": "TERM"}


@pytest.mark.parametrize(("source", "code"), [("1/0", 3), ("other = 1", 4), ("import sys; sys.exit(7)", 7)])
def test_boot_failure(arbiter: FakeArbiter, source: str, code: int) -> None:
    (arbiter.directory / "app.py").write_text(source)
    arbiter.send_settings()
    pid = arbiter.fork(1)
    told = arbiter.wait("boot-failed")["text"]
    assert told.startswith("Traceback (most recent call last):\n")
    assert arbiter.wait("exited") == {"ev": "exited", "worker": 1, "pid": pid, "status": {"code": code}}
    arbiter.say("fork", worker=2, generation=1, preload=True, report_modules=False)
    assert arbiter.wait("boot-failed")["text"].splitlines()[-1] == told.splitlines()[-1]
    assert arbiter.wait("mold-failed") == {"ev": "mold-failed", "generation": 1, "status": {"code": code}}
    assert arbiter.wait("exited", worker=2) == {"ev": "exited", "worker": 2, "pid": 0, "status": None}


def test_a_generation_is_imported_once_and_the_next_one_anew(arbiter: FakeArbiter) -> None:
    source = (
        "import os\nwith open('imports', 'a') as file: file.write(f'{os.getpid()}\\n')\ndef application(e, s): ...\n"
    )
    (arbiter.directory / "app.py").write_text(source)
    arbiter.send_settings()
    for worker, generation in [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2)]:
        arbiter.boot(worker, generation, preload=True)
    molds = [int(line) for line in (arbiter.directory / "imports").read_text().split()]
    assert len(molds) == 2
    # A worker of the second is ready: the first mold leaves, unmentioned.
    wait_gone(molds[0])
    os.kill(molds[1], signal.SIGKILL)
    assert arbiter.wait("log")["text"].startswith(f"mold died gen=2 pid={molds[1]} ")
    arbiter.boot(6, 2, preload=True)
    assert len((arbiter.directory / "imports").read_text().split()) == 3


HANGING = "import os, time\nopen(f'hangs-{os.getpid()}', 'w').close()\nwhile True: time.sleep(60)\n"


def hanging(arbiter: FakeArbiter) -> int:
    """Waits until a process hangs in the import of the application; returns its pid."""
    deadline = monotonic() + PATIENCE_S
    while not (found := list(arbiter.directory.glob("hangs-*"))):
        assert monotonic() < deadline
        sleep(0.005)
    pid = int(found[0].name.partition("-")[2])
    arbiter.pids.add(pid)
    return pid


def test_a_mold_that_hangs_is_killed_with_the_last_of_its_workers(arbiter: FakeArbiter) -> None:
    (arbiter.directory / "app.py").write_text(HANGING)
    arbiter.send_settings()
    for worker in (1, 2):
        arbiter.say("fork", worker=worker, generation=1, preload=True, report_modules=False)
    mold = hanging(arbiter)
    arbiter.say("kill", worker=1)
    # Carried out in order: by its answer the nursery has seen the kill, and the mold still has a worker to fork.
    arbiter.say("unlisten")
    arbiter.wait("unlistened")
    assert Path(f"/proc/{mold}").exists()
    arbiter.say("kill", worker=2)
    assert arbiter.wait("mold-failed") == {"ev": "mold-failed", "generation": 1, "status": {"signal": "SIGKILL"}}
    for worker in (1, 2):
        assert arbiter.wait("exited", worker=worker)["pid"] == 0
    wait_gone(mold)


@pytest.mark.parametrize("what", ["mold", "check"])
def test_what_hangs_in_an_import_dies_with_its_nursery(arbiter: FakeArbiter, what: str) -> None:
    (arbiter.directory / "app.py").write_text(HANGING)
    arbiter.send_settings()
    if what == "mold":
        arbiter.say("fork", worker=1, generation=1, preload=True, report_modules=False)
    else:
        arbiter.say("check-app")
    pid = hanging(arbiter)
    arbiter.kill_nursery()
    wait_gone(pid)
    arbiter.start_nursery()  # for the fixture's end


def test_many_workers_of_one_mold_asked_for_at_once(arbiter: FakeArbiter) -> None:
    arbiter.send_settings()
    gateway = arbiter.start_gateway()
    for worker in range(1, 21):
        arbiter.say("fork", worker=worker, generation=0, preload=True, report_modules=False)
    pids = {arbiter.wait("forked", worker=worker)["pid"] for worker in range(1, 21)}
    assert len(pids) == 20
    for worker in range(1, 21):
        gateway.wait("worker", worker=worker)
        arbiter.wait("ready", worker=worker)


def test_modules_are_reported_and_warmed(arbiter: FakeArbiter) -> None:
    (arbiter.directory / "app.py").write_text("import wave\ndef application(e, s): ...\n")
    arbiter.send_settings()
    arbiter.fork(1, report_modules=True)
    modules = arbiter.wait("ready", worker=1)["modules"]
    assert "wave" in modules
    assert "app" not in modules
    arbiter.say("warm", modules=modules)
    arbiter.fork(2, report_modules=True)
    assert "wave" not in arbiter.wait("ready", worker=2)["modules"]


def test_a_signal_to_the_parent_is_meant_for_the_master(arbiter: FakeArbiter) -> None:
    (arbiter.directory / "app.py").write_text(
        "import os, signal\nfor name in ('TTIN', 'USR2', 'HUP'):\n"
        "    os.kill(os.getppid(), getattr(signal, 'SIG' + name))\ndef application(e, s): ...\n"
    )
    arbiter.send_settings()
    arbiter.boot(1)
    forwarded = {arbiter.wait("forward-signal")["signal"] for _ in range(3)}
    assert forwarded == {"TTIN", "USR2", "HUP"}


def test_the_groups_signals_are_not_the_nurserys(arbiter: FakeArbiter) -> None:
    arbiter.wait("hello")
    arbiter.send_settings()
    for settled in (False, True):
        for name in ("INT", "QUIT", "HUP", "TERM", "USR1", "USR2", "WINCH", "TTIN", "TTOU"):
            os.kill(arbiter.nursery_pid, getattr(signal, f"SIG{name}"))
        arbiter.boot(int(settled) + 1)
    arbiter.say("exit")
    assert arbiter.wait_exit() == 0
    with pytest.raises(AssertionError, match="the nursery ended before 'forward-signal'"):
        arbiter.wait("forward-signal")


def test_an_orphan_of_a_worker_is_reaped(arbiter: FakeArbiter) -> None:
    (arbiter.directory / "app.py").write_text(
        "import os, signal\npid = os.fork()\nif pid == 0:\n"
        "    os.close(4)\n    signal.pause()\nwith open('child', 'w') as file: file.write(str(pid))\n"
        "def application(e, s): ...\n"
    )
    arbiter.send_settings()
    # A second worker that is ready after this one: the nursery has then become the subreaper.
    arbiter.boot(1)
    orphan = int((arbiter.directory / "child").read_text())
    arbiter.boot(2)
    arbiter.pids.add(int((arbiter.directory / "child").read_text()))
    arbiter.say("kill", worker=1)
    arbiter.wait("exited", worker=1)
    os.kill(int((arbiter.directory / "child").read_text()), signal.SIGKILL)
    os.kill(orphan, signal.SIGKILL)
    assert arbiter.wait("unknown-child") == {"ev": "unknown-child", "pid": orphan, "status": {"signal": "SIGKILL"}}


def test_check_app(arbiter: FakeArbiter) -> None:
    arbiter.send_settings()
    arbiter.say("check-app")
    assert arbiter.wait("app-checked") == {"ev": "app-checked", "status": 0, "text": ""}
    (arbiter.directory / "app.py").write_text("raise RuntimeError('no ' + 'x' * 200000)\n")
    arbiter.say("check-app")
    checked = arbiter.wait("app-checked")
    assert checked["status"] == 1
    assert checked["text"].startswith("Traceback (most recent call last):")
    assert checked["text"].endswith("RuntimeError: no " + "x" * 200000 + "\n")
    (arbiter.directory / "app.py").write_text("import sys; sys.exit(7)\n")
    arbiter.say("check-app")
    assert arbiter.wait("app-checked")["status"] == 7


def test_config_runs_again_and_keeps_the_signals_of_its_programs_clean(arbiter: FakeArbiter) -> None:
    path = arbiter.directory / "gunicorn.conf.py"
    path.write_text(
        "import subprocess, sys\nshow = 'import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, ()))'\n"
        "proc_name = subprocess.run([sys.executable, '-c', show], capture_output=True, text=True).stdout.strip()\n"
    )
    for text in (None, "proc_name = 'second'\n", "import sys; sys.exit(3)\n"):
        if text is not None:
            path.write_text(text)
        arbiter.say("run-config", kind="file", location=str(path), names=["proc_name", "bind"], run=0)
        ran = arbiter.wait("config-ran")
        if text is None:
            assert ran["values"] == [["proc_name", {"t": "str", "v": "set()"}]]
        elif "second" in text:
            assert ran["values"] == [["proc_name", {"t": "str", "v": "second"}]]
        else:
            assert (ran["status"], ran["code"]) == ("exited", 3)


@pytest.mark.parametrize(
    ("cmd", "fields", "text"),
    [
        ("dance", {}, "the nursery has no command 'dance'"),
        ("check-app", {}, "no settings have been sent yet"),
        ("fork", {"worker": 5, "generation": 0, "preload": False}, "no settings have been sent yet"),
        ("adopt", {"what": "parked"}, "adopt came without a descriptor"),
        ("warm", {}, "KeyError: 'modules'"),
    ],
)
def test_a_command_that_cannot_be_carried_out(
    arbiter: FakeArbiter, cmd: str, fields: dict[str, Any], text: str
) -> None:
    arbiter.say(cmd, **fields)
    assert arbiter.wait("failed") == {
        "ev": "failed",
        "cmd": cmd,
        "text": text,
        "worker": fields.get("worker"),
        "gateway": None,
    }


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"raw_env": ["FOO"]}, "environment setting 'FOO' invalid"),
        (
            {"errorlog": "/nope/x"},
            "Error: '/nope/x' isn't writable [FileNotFoundError(2, 'No such file or directory')]",
        ),
        ({"chdir": "/nope"}, "[Errno 2] No such file or directory: '/nope'"),
    ],
)
def test_settings_that_cannot_be_applied(arbiter: FakeArbiter, values: dict[str, Any], text: str) -> None:
    arbiter.send_settings(**values)
    assert arbiter.wait("failed")["text"] == text


@pytest.mark.parametrize("way", ["lifeline", "channel"])
def test_without_an_arbiter_nothing_stays(arbiter: FakeArbiter, way: str) -> None:
    """Not even what cannot see its lifeline because it imports: a worker, a mold, a check."""
    arbiter.send_settings()
    arbiter.boot(1)
    (arbiter.directory / "slow.py").write_text(
        "import os, signal\nwith open(f'slow-{os.getpid()}', 'w'): pass\nwhile True: signal.pause()\n"
    )
    arbiter.send_settings(app="slow")
    arbiter.fork(2)
    arbiter.say("fork", worker=3, generation=1, preload=True, report_modules=False)
    arbiter.say("check-app")
    # Answered after the three have been forked.
    arbiter.say("unlisten")
    arbiter.wait("unlistened")
    children = Path(f"/proc/{arbiter.nursery_pid}/task/{arbiter.nursery_pid}/children").read_text().split()
    assert len(children) == 4
    arbiter.pids |= {int(pid) for pid in children}
    if way == "lifeline":
        arbiter.drop_lifeline()
    else:
        arbiter.inbox.close()
    assert arbiter.wait_exit() == 0
    # close() checks that everything is gone.


def test_a_ping_is_answered(arbiter: FakeArbiter) -> None:
    arbiter.say("ping")
    arbiter.wait("pong")


def test_a_worker_that_grows_is_told_of(arbiter: FakeArbiter) -> None:
    # Any Python process has more than a megabyte.
    (arbiter.directory / "app.py").write_text("def app(environ, start_response): ...\n")
    arbiter.send_settings("app:app", max_worker_memory=1)
    arbiter.say("fork", worker=1, generation=0, preload=False, report_modules=False)
    arbiter.wait("ready", worker=1)
    message = arbiter.wait("memory", worker=1)
    assert (message["limitBytes"], message["hard"]) == (1 << 20, False)
    assert message["bytes"] > 1 << 20


def test_an_interruption_is_a_signal_to_the_worker(arbiter: FakeArbiter) -> None:
    (arbiter.directory / "app.py").write_text("def app(environ, start_response): ...\n")
    arbiter.send_settings("app:app")
    arbiter.say("fork", worker=1, generation=0, preload=False, report_modules=False)
    arbiter.wait("ready", worker=1)
    arbiter.say("interrupt", worker=1)
    # Without a limit it is a signal as any other: reported.
    assert arbiter.wait("signalled", worker=1)["signal"] == "USR2"
