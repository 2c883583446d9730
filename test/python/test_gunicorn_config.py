from __future__ import annotations

import gunicorn.config
import pytest

from fake_gateway import make_config
from programs import output_of
from test_gunicorn_package import WITHOUT
from tunicorn_worker.gunicorn_config import make_gunicorn_config


def hook(_worker: object) -> None: ...


def test_the_packages_own_config_has_our_values() -> None:
    config = make_config(
        bind=["127.0.0.1:8000"], workers=3, raw_env=["A=1"], post_worker_init=hook, worker_int=None, warm_imports=True
    )
    made = make_gunicorn_config(config)
    assert isinstance(made, gunicorn.config.Config)
    assert (made.workers, made.env, made.post_worker_init, made.uid) == (3, {"A": "1"}, hook, config.user)
    assert made.settings["bind"].value == ["127.0.0.1:8000"]
    assert made.worker_int is gunicorn.config.WorkerInt.default
    with pytest.raises(AttributeError):
        _ = made.warm_imports


def test_a_hook_by_its_name() -> None:
    assert make_gunicorn_config(make_config(worker_exit="os.path.relpath")).worker_exit.__name__ == "relpath"


FALLBACK = """
import os, sys
from tunicorn_worker.config import Config
from tunicorn_worker.gunicorn_config import make_gunicorn_config
from tunicorn_worker.gunicorn_package import offer_fallback
offer_fallback()
values = {
    "workers": 3, "raw_env": ["A=x=y"], "user": 5, "group": 6, "proc_name": None, "default_proc_name": "app",
    "certfile": None, "keyfile": "k", "worker_int": None, "worker_exit": "os.path.join", "sendfile": None,
    "raw_paste_global_conf": ["a=1"], "worker_class": "tornado", "backlog": 7, "ssl_context": None,
    "logger_class": "gunicorn.glogging.Logger",
}
names = {"app": "a", "server_software": "s", "version": "1", "title_prefix": "", "worker_kind": "", "master_pid": 1}
made = make_gunicorn_config(Config(values, **names))
print(made.workers, made.env, made.uid, made.gid, made.proc_name, made.is_ssl, made.settings["backlog"].get())
print(made.worker_int(made), made.worker_exit.__name__, made.ssl_context(made, lambda: "context"), made.ssl_options)
print(made.sendfile, made.paste_global_conf, made.worker_class_str, made.logger_class.__name__)
try:
    made.nosuch
except AttributeError as error:
    print(error)
"""


def test_the_fallbacks_config_answers_the_same_questions() -> None:
    assert output_of(WITHOUT + FALLBACK).splitlines() == [
        "3 {'A': 'x=y'} 5 6 app k 7",
        "None join context {'certfile': None, 'keyfile': 'k'}",
        "True {'a': '1'} tornado Logger",
        "No configuration setting for: nosuch",
    ]
