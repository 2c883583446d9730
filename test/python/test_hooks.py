"""Which hook is called with what, and what becomes of those that fail; test/server/hooks.test.ts has whole servers."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from fake_gateway import make_config, make_environ
from tunicorn_worker.hook_objects import HookRequest
from tunicorn_worker.hooks import WorkerHooks, find_hook
from tunicorn_worker.loggers import Loggers


def make_hooks(**config: Any) -> WorkerHooks:
    return WorkerHooks(7, make_config(**config), Loggers())


def make_request() -> HookRequest:
    return HookRequest({**make_environ(target="/a?b=1"), "wsgi.input": None}, make_config())


def test_life_of_a_worker() -> None:
    calls: list[Any] = []

    def note(name: str) -> Any:
        return lambda *arguments: calls.append((name, *arguments))

    hooks = make_hooks(
        post_worker_init=note("init"), worker_int=note("int"), worker_abort=note("abort"), worker_exit=note("exit")
    )
    worker = hooks.worker
    assert not worker.booted
    assert hooks.booted("application") == "application"
    assert (worker.booted, worker.wsgi, worker.app.wsgi(), worker.alive) == (True, "application", "application", True)
    hooks.interrupted()
    hooks.aborted()
    assert (worker.alive, worker.aborted) == (False, True)
    hooks.exiting()
    server = calls[-1][1]
    assert calls == [("init", worker), ("int", worker), ("abort", worker), ("exit", server, worker)]
    assert {worker.pid: worker} == server.WORKERS


@pytest.mark.parametrize(("kind", "name"), [("sync", "wsgi"), ("asgi", "asgi")])
def test_post_worker_init_may_wrap_the_application(kind: str, name: str) -> None:
    def wrap(worker: Any) -> None:
        setattr(worker, name, ["wrapped", getattr(worker, name)])

    hooks = make_hooks(worker_kind=kind, post_worker_init=wrap)
    assert hooks.booted("application") == ["wrapped", "application"]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_post_request_gets_as_many_arguments_as_it_takes(count: int) -> None:
    calls: list[Any] = []
    takers = {
        2: lambda worker, req: calls.append((worker, req)),
        3: lambda worker, req, environ: calls.append((worker, req, environ)),
        4: lambda worker, req, environ, resp: calls.append((worker, req, environ, resp)),
    }
    hooks = make_hooks(post_request=takers[count])
    request = make_request()
    hooks.after_request(request, {"a": 1}, None)
    assert calls == [(hooks.worker, request, {"a": 1}, None)[:count]]


def fails(*_: object) -> None:
    raise ValueError("hook failed")


def test_failures(caplog: pytest.LogCaptureFixture) -> None:
    hooks = make_hooks(
        **dict.fromkeys(
            ("post_worker_init", "worker_int", "worker_abort", "worker_exit", "pre_request", "post_request"), fails
        )
    )
    hooks._post_request_arguments = 4
    with pytest.raises(ValueError, match="hook failed"):
        hooks.booted(None)
    assert not hooks.worker.booted
    with pytest.raises(ValueError, match="hook failed"):
        hooks.before_request(make_request())
    hooks.interrupted()
    hooks.aborted()
    hooks.exiting()
    hooks.after_request(make_request(), {}, None)
    assert [record.getMessage().partition("\n")[0] for record in caplog.records] == [
        "Exception in worker_int hook",
        "Exception in worker_abort hook",
        "Exception during worker exit:",
        "Exception in post_request hook",
    ]


def test_without_hooks_a_debug_line_is_all(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "gunicorn.error")
    hooks = make_hooks()
    assert hooks.of_requests
    hooks.before_request(make_request())
    hooks.after_request(make_request(), {}, None)
    hooks.exiting()
    assert [record.getMessage() for record in caplog.records] == ["GET /a"]
    caplog.set_level(logging.INFO, "gunicorn.error")
    assert not hooks.of_requests
    assert make_hooks(pre_request=fails).of_requests
    assert make_hooks(post_request=fails).of_requests


def test_a_string_names_a_function() -> None:
    assert find_hook("os.path.join") is __import__("os").path.join
    assert find_hook(fails) is fails
    assert find_hook(None) is None
    with pytest.raises(AttributeError):
        find_hook("os.path.nosuch")
