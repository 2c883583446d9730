"""What uvicorn's worker classes do to scopes, and our asgi worker does not: the words of proxies, mounting.

Only configurations with such a class pay for it.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

SCHEMES = ("http", "https", "ws", "wss")
HOST_CHARACTERS_MAX = 253
"""A DNS name's: what is longer is no address, and is not remembered."""
KNOWN_HOSTS_MAX = 4096
"""Of which it is remembered whether they are trusted: uvicorn's number."""


class UvicornScopes:
    """An ASGI application whose scopes are as uvicorn makes them.

    `path` and `raw_path` begin with root_path; `client` and `scheme` are what a trusted proxy says.
    """

    def __init__(self, application: Any, root_path: str, proxies: Collection[str] | None) -> None:
        """proxies: the setting forwarded_allow_ips; None when nothing that a proxy says is to count"""
        self._application = application
        self._root = root_path
        self._raw_root = root_path.encode()
        self._trusted = None if proxies is None else TrustedHosts(proxies)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            if self._root:
                scope["path"] = self._root + scope["path"]
                scope["raw_path"] = self._raw_root + scope["raw_path"]
            if self._trusted is not None:
                self._trusted.apply(scope)
        await self._application(scope, receive, send)


class TrustedHosts:
    """The addresses and networks whose X-Forwarded-For and X-Forwarded-Proto are believed."""

    def __init__(self, hosts: Collection[str]) -> None:
        """hosts: ``["127.0.0.1", "10.0.0.0/8"]``, or ``["*"]`` for all."""
        self._all = "*" in hosts
        self._networks = [ip_network(host, strict=False) for host in hosts if host != "*"]
        self._known: dict[str, bool] = {}

    def apply(self, scope: dict[str, Any]) -> None:
        client = scope.get("client")
        if not self._all and (client is None or client[0] not in self):
            return
        forwarded: list[str] = []
        for name, value in scope["headers"]:
            if name == b"x-forwarded-proto":
                said = value.decode("latin-1").strip()
                if said in SCHEMES:
                    scope["scheme"] = said.replace("http", "ws") if scope["type"] == "websocket" else said
            elif name == b"x-forwarded-for":
                forwarded += value.decode("latin-1").split(",")
        if forwarded:
            host, port = self._first_stranger(forwarded)
            # An empty field says nothing.
            if host:
                scope["client"] = (host, port)

    def _first_stranger(self, forwarded: list[str]) -> tuple[str, int]:
        """Each proxy appends the address that it saw: the last one that is no proxy of ours is the client."""
        if not self._all:
            for text in reversed(forwarded):
                host, port = split_port(text.strip())
                if host not in self:
                    return host, port
        return split_port(forwarded[0].strip())

    def __contains__(self, host: str) -> bool:
        known = self._known.get(host)
        if known is None:
            known = self._is_trusted(host)
            if len(host) <= HOST_CHARACTERS_MAX:
                if len(self._known) >= KNOWN_HOSTS_MAX:
                    self._known.clear()
                self._known[host] = known
        return known

    def _is_trusted(self, host: str) -> bool:
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def split_port(text: str) -> tuple[str, int]:
    """Split ``"192.0.2.1:80"`` and ``"[2001:db8::1]:80"``; port 0 for none. What is neither stays whole."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            return text, 0
        return host, to_port(rest[1:]) or 0
    if text.count(":") == 1:
        host, _, digits = text.partition(":")
        port = to_port(digits)
        return (text, 0) if port is None else (host, port)
    return text, 0


def to_port(digits: str) -> int | None:
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 5 else None
