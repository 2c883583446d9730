"""The lifespan protocol against applications of every behaviour."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from tunicorn_worker import lifespan as module
from tunicorn_worker.lifespan import Lifespan, LifespanFailed, LifespanUnsupported

LOG = logging.getLogger("test.lifespan")


def run(application: Any, *, stop: bool = True) -> Lifespan:
    async def live() -> Lifespan:
        lifespan = Lifespan(application, LOG)
        await lifespan.startup()
        if stop:
            await lifespan.shutdown()
        return lifespan

    return asyncio.run(live())


def test_startup_and_shutdown_share_one_state() -> None:
    seen = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append({**scope, "state": None})
        seen.append((await receive())["type"])
        scope["state"]["pool"] = "a pool"
        await send({"type": "lifespan.startup.complete"})
        seen.append((await receive())["type"])
        await send({"type": "lifespan.shutdown.complete"})
        seen.append("cleaned up")

    assert run(application).state == {"pool": "a pool"}
    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.4"}, "state": None}
    assert seen[:3] == [scope, "lifespan.startup", "lifespan.shutdown"]


def test_failed_startup_says_why() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(LifespanFailed, match="Lifespan startup failed: no database"):
        run(application)


@pytest.mark.parametrize("raises", [True, False])
def test_no_lifespan(raises: bool) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        if raises:
            raise AssertionError("http only")

    text = "http only" if raises else "Application exited before startup complete"
    with pytest.raises(LifespanUnsupported, match=f"Lifespan startup failed: {text}"):
        run(application)


def test_startup_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STARTUP_SECONDS", 0.01)
    cancelled = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.Future()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    with pytest.raises(LifespanUnsupported, match="Lifespan startup timed out"):
        run(application)
    assert cancelled


def test_shutdown_that_takes_too_long(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(module, "SHUTDOWN_SECONDS", 0.01)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.complete"})
        await asyncio.Future()

    run(application)
    assert "Lifespan shutdown timed out" in caplog.text


@pytest.mark.parametrize("raises", [True, False])
def test_failed_shutdown_is_logged(raises: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if raises:
            raise ValueError("still busy")
        await send({"type": "lifespan.shutdown.failed", "message": "still busy"})

    run(application)
    assert "Lifespan shutdown error: still busy" in caplog.text


def test_an_application_that_ended_is_not_asked(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.complete"})

    run(application)
    assert "ASGI lifespan already finished" in caplog.text
