"""Scopes as uvicorn makes them: mounting, and what proxies say. Cases are uvicorn's own answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tunicorn_worker.uvicorn_ways import KNOWN_HOSTS_MAX, TrustedHosts, UvicornScopes, split_port


def seen_by(wrap: Any, scope: dict[str, Any]) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.update(scope)

    asyncio.run(wrap(application)(scope, None, None))
    return seen


def make_scope(client: Any = ("127.0.0.1", 5), **fields: str) -> dict[str, Any]:
    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()]
    return {
        "type": "http",
        "scheme": "http",
        "path": "/é",
        "raw_path": b"/%C3%A9",
        "client": client,
        "headers": headers,
    }


def test_root_path_stands_before_the_path() -> None:
    seen = seen_by(lambda application: UvicornScopes(application, "/x", None), make_scope(x_forwarded_proto="https"))
    assert (seen["path"], seen["raw_path"], seen["scheme"]) == ("/x/é", b"/x/%C3%A9", "http")


def test_a_lifespan_has_no_path() -> None:
    assert seen_by(lambda application: UvicornScopes(application, "/x", ["*"]), {"type": "lifespan"}) == {
        "type": "lifespan"
    }


LOCAL = ["127.0.0.1", "10.0.0.0/8", "::1"]


@pytest.mark.parametrize(
    ("trusted", "client", "forwarded", "expected"),
    [
        (LOCAL, ("127.0.0.1", 5), "192.0.2.1", ("192.0.2.1", 0)),
        (LOCAL, ("127.0.0.1", 5), "192.0.2.1:80", ("192.0.2.1", 80)),
        (LOCAL, ("127.0.0.1", 5), "192.0.2.9, 192.0.2.1, 10.1.2.3", ("192.0.2.1", 0)),
        (LOCAL, ("127.0.0.1", 5), "10.0.0.2, 10.0.0.1", ("10.0.0.2", 0)),
        (LOCAL, ("127.0.0.1", 5), "[2001:db8::1]:443, ::1", ("2001:db8::1", 443)),
        (LOCAL, ("127.0.0.1", 5), "2001:db8::1", ("2001:db8::1", 0)),
        (LOCAL, ("127.0.0.1", 5), "", ("127.0.0.1", 5)),
        (LOCAL, ("127.0.0.1", 5), "not an address", ("not an address", 0)),
        (LOCAL, ("192.0.2.7", 5), "192.0.2.1", ("192.0.2.7", 5)),
        (LOCAL, None, "192.0.2.1", None),
        (["*"], None, "192.0.2.1, 192.0.2.2", ("192.0.2.1", 0)),
        (["*"], ("192.0.2.7", 5), "unknown", ("unknown", 0)),
        ([], ("127.0.0.1", 5), "192.0.2.1", ("127.0.0.1", 5)),
    ],
)
def test_the_client_that_proxies_name(trusted: list[str], client: Any, forwarded: str, expected: Any) -> None:
    scope = make_scope(client, x_forwarded_for=forwarded)
    TrustedHosts(trusted).apply(scope)
    assert scope["client"] == expected


@pytest.mark.parametrize(
    ("kind", "said", "scheme"),
    [
        ("http", "https", "https"),
        ("http", " https ", "https"),
        ("websocket", "https", "wss"),
        ("websocket", "wss", "wss"),
        ("http", "gopher", "http"),
        ("http", "HTTPS", "http"),
    ],
)
def test_the_scheme_that_proxies_name(kind: str, said: str, scheme: str) -> None:
    scope = {**make_scope(x_forwarded_proto=said), "type": kind}
    TrustedHosts(LOCAL).apply(scope)
    assert scope["scheme"] == scheme


def test_what_is_remembered_of_hosts_is_bounded() -> None:
    hosts = TrustedHosts(LOCAL)
    for number in range(KNOWN_HOSTS_MAX + 10):
        assert f"host{number}" not in hosts
    assert "x" * 300 not in hosts
    assert len(hosts._known) <= KNOWN_HOSTS_MAX
    assert "127.0.0.1" in hosts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ("a", 0)),
        ("a:1", ("a", 1)),
        ("a:x", ("a:x", 0)),
        ("[::1]", ("::1", 0)),
        ("[::1]:7", ("::1", 7)),
        ("[::1]:x", ("::1", 0)),
        ("[::1", ("[::1", 0)),
        ("[::1]7", ("[::1]7", 0)),
        ("1:2:3", ("1:2:3", 0)),
        ("a:123456", ("a:123456", 0)),
    ],
)
def test_split_port(text: str, parts: tuple[str, int]) -> None:
    assert split_port(text) == parts
