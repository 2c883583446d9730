"""The fallback package, in processes that cannot see the real one; and its names against those of the real one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from programs import PACKAGE, output_of
from test_gunicorn_package import WITHOUT

OFFER = f"{WITHOUT}from tunicorn_worker.gunicorn_package import offer_fallback\noffer_fallback()\n"

NAMES = """
import inspect, json
import gunicorn, gunicorn.arbiter, gunicorn.config, gunicorn.workers
from gunicorn.workers.base import Worker
print(json.dumps([
    gunicorn.__version__, gunicorn.version_info, gunicorn.SERVER, gunicorn.SERVER_SOFTWARE,
    gunicorn.arbiter.Arbiter.WORKER_BOOT_ERROR, gunicorn.arbiter.Arbiter.APP_LOAD_ERROR,
    gunicorn.config.AccessLogFormat.default, gunicorn.workers.SUPPORTED_WORKERS,
    Worker.SIGNALS, str(inspect.signature(Worker.__init__)).replace(": Any", ""),
    sorted(name for name in vars(Worker) if not name.startswith("__")),
]))
"""


def test_it_says_what_the_real_one_says() -> None:
    import json

    ours = json.loads(output_of(OFFER + NAMES))
    theirs = json.loads(output_of(NAMES))
    *same, signature, names = ours
    *expected, real_signature, real_names = theirs
    assert same == expected
    assert [part.partition(":")[0].strip(" ()") for part in signature.split(",")][:8] == [
        part.strip(" ()") for part in real_signature.split(",")
    ]
    # How a request is answered is the business of classes that are not here.
    assert set(real_names) - set(names) == {"handle_error"}


LIFE = """
import json, os, signal, sys, time
from types import SimpleNamespace
from gunicorn.workers.base import Worker
from gunicorn.config import Config
from gunicorn.glogging import Logger
cfg = Config()
for name, value in {
    "max_requests": MAX, "max_requests_jitter": 3, "raw_env": ["FOO=bar"], "user": os.getuid(), "group": os.getgid(),
    "initgroups": False, "loglevel": "debug", "errorlog": "-", "accesslog": None, "capture_output": False,
    "umask": 0, "worker_tmp_dir": None, "post_worker_init": lambda worker: calls.append("post_worker_init"),
    "worker_int": lambda worker: calls.append("worker_int"), "worker_abort": lambda worker: calls.append("abort"),
    "reload": False, "syslog": False, "logconfig": None, "logconfig_dict": {}, "logconfig_json": None,
    "disable_redirect_access_to_syslog": False,
}.items():
    if name in cfg.settings and callable(cfg.settings[name].value):
        cfg.settings[name].value = value
    else:
        cfg.set(name, value)
calls = []
class Mine(Worker):
    def run(self):
        self.notify()
        calls.append([self.booted, self.alive, os.environ["FOO"], self.wsgi, self.tmp.last_update() > 0])
        os.kill(os.getpid(), signal.SIGWINCH)
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGTERM)
        calls.append(self.alive)
        for number in (signal.SIGQUIT, signal.SIGINT, signal.SIGABRT):
            try:
                os.kill(os.getpid(), number)
                time.sleep(5)
            except SystemExit as end:
                calls.append(end.code)
worker = Mine(7, os.getppid(), [], SimpleNamespace(wsgi=lambda: "app"), 15, cfg, Logger(cfg))
calls.append([worker.age, worker.pid, worker.timeout, worker.max_requests, str(worker)][: 5 if MAX == 0 else 3])
if MAX:
    calls.append(MAX <= worker.max_requests <= MAX + 3)
worker.init_process()
print(json.dumps(calls))
"""


@pytest.mark.parametrize("most", [0, 5])
def test_a_workers_life_is_that_of_the_real_one(most: int) -> None:
    program = LIFE.replace("MAX", str(most))
    assert output_of(OFFER + program) == output_of(program)


def test_the_log_and_the_helpers(tmp_path: Path) -> None:
    program = f"""
import os, socket
from types import SimpleNamespace
from gunicorn import util
from gunicorn.errors import AppImportError, ConfigError, HaltServer
from gunicorn.glogging import Logger
path = {str(tmp_path)!r} + f"/{{os.getpid()}}"
cfg = SimpleNamespace(
    loglevel="info", errorlog=path, accesslog=None, capture_output=False, user=-1, group=-1, syslog=False,
    logconfig=None, logconfig_dict={{}}, logconfig_json=None, disable_redirect_access_to_syslog=False,
)
log = Logger(cfg)
for level in ("debug", "info", "warning", "error", "critical"):
    getattr(log, level)("by %s", level)
    log.log(level, "log %s", level)
log.log(30, "by number")
try:
    raise ValueError("seen")
except ValueError:
    log.exception("failed")
os.rename(path, path + ".1")
log.reopen_files()
log.info("anew")
log.close_on_exec()
print(log.access_log_enabled, log.loglevel, open(path).read().split("] ")[-1].strip())
print([line.split("] ", 2)[-1] for line in open(path + ".1").read().splitlines() if line.startswith("[")])
near, far = socket.socketpair()
util.set_non_blocking(near)
near.set_inheritable(True)
util.close_on_exec(near)
print(os.get_blocking(near.fileno()), near.get_inheritable(), util.bytes_to_str(b"x"), util.to_bytestring("y"))
util.close(near)
util.set_owner_process(os.getuid(), os.getgid())
print(HaltServer("why", 3), HaltServer("why").exit_status, issubclass(AppImportError, Exception))
"""
    ours = output_of(OFFER + program)
    assert ours == output_of(program)


METRICS = """
import logging, socket
from datetime import timedelta
from types import SimpleNamespace
from gunicorn.config import Config
from gunicorn.glogging import Logger
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", 0))
values = dict(
    loglevel="info", errorlog="/dev/null", accesslog=None, capture_output=False, user=-1, group=-1, syslog=False,
    logconfig=None, logconfig_dict={}, logconfig_json=None, disable_redirect_access_to_syslog=False,
    statsd_host=sock.getsockname(), statsd_prefix="shop", dogstatsd_tags="env:prod",
)
cfg = Config()
for name, value in {**values, "logger_class": "gunicorn.glogging.Logger"}.items():
    if name in cfg.settings:
        cfg.settings[name].value = value
    else:
        cfg.set(name, value)

class Mine(Logger):
    def info(self, msg, *args, **kwargs):
        said.append(msg)

class Counting(cfg.logger_class):
    def access(self, resp, req, environ, request_time):
        if environ:
            super().access(resp, req, environ, request_time)

said = []
mine = Mine(cfg)
mine.info("by the user's own", extra={"metric": "m", "value": 1, "mtype": "gauge"})
mine.warning("nothing is sent for it")
log = Counting(cfg)
for level in ("debug", "info", "warning", "error", "critical"):
    getattr(log, level)("by %s", level)
try:
    raise ValueError("seen")
except ValueError:
    log.exception("failed")
log.info("", extra={"metric": "m", "value": 2, "mtype": "histogram"})
log.log(logging.DEBUG, "hidden", extra={"metric": "m", "value": 3, "mtype": "timer"})
for status in (200, "404 Not Found", b"500 Oops"):
    log.access(SimpleNamespace(status=status), None, {"a": 1}, timedelta(seconds=1, microseconds=2500))
log.access(SimpleNamespace(status=200), None, {}, timedelta(0))
log.decrement("d", 1)
nowhere = cfg.logger_class(SimpleNamespace(**{**values, "statsd_host": None}))
nowhere.gauge("g", 1)
nowhere.warning("of no metrics")
sock.settimeout(0.0)
found = []
while True:
    try:
        found.append(sock.recv(1000).decode())
    except BlockingIOError:
        break
print(type(log).__mro__[1], said, found)
"""


def test_the_logger_that_sends_metrics_and_one_of_the_users_that_does_not() -> None:
    ours = output_of(OFFER + METRICS)
    assert ours == output_of(METRICS)
    assert ours.count("shop.gunicorn.requests:1|c|@1.0|#env:prod") == 3
    assert ours.count("gunicorn.log.warning") == 1


IMPORT = "import gunicorn.workers.gtornado"


def test_without_tornado_its_class_says_so() -> None:
    """The rest of it is for whole servers: test/server/direct-workers.test.ts."""
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys\nsys.path.append({PACKAGE!r})\n{OFFER}import gunicorn.workers.gtornado",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.stderr.endswith("RuntimeError: You need tornado installed to use this worker.\n")
