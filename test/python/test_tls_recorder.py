from __future__ import annotations

import ssl
from pathlib import Path
from ssl import SSLContext  # as a configuration may have it: from before the recording
from typing import Any

import pytest

from certificates import CERTIFICATES, certificate_file
from tunicorn_worker.tls_recorder import recording

SERVER, KEY, ENCRYPTED = (certificate_file(name) for name in ("server.pem", "server.key", "server-encrypted.key"))


def make_context() -> SSLContext:
    return SSLContext(ssl.PROTOCOL_TLS_SERVER)


def test_calls_of_every_context_are_noted_in_order_and_have_their_effect() -> None:
    with recording() as recorder:
        first, second = make_context(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        first.load_cert_chain(SERVER, KEY)
        second.set_ciphers("ECDHE+AESGCM")
        first.set_alpn_protocols(["h2"])
        first.load_verify_locations(cafile=certificate_file("ca.pem"))
    assert recorder.calls(first) == [
        ("load_cert_chain", (SERVER, KEY, None)),
        ("set_alpn_protocols", (["h2"],)),
        ("load_verify_locations", (certificate_file("ca.pem"), None, None)),
    ]
    assert recorder.calls(second) == [("set_ciphers", ("ECDHE+AESGCM",))]
    assert first.cert_store_stats()["x509"] == 1
    assert all("GCM" in each["name"] for each in second.get_ciphers() if each["protocol"] != "TLSv1.3")
    assert recorder.calls(make_context()) == []


def test_afterwards_the_class_is_as_it_was() -> None:
    before = dict(vars(ssl.SSLContext))
    with pytest.raises(KeyError), recording():
        raise KeyError
    assert dict(vars(ssl.SSLContext)) == before
    with recording() as recorder:
        pass
    context = make_context()
    context.load_cert_chain(SERVER, KEY)
    assert recorder.calls(context) == []


def test_a_class_of_the_user_is_seen_through_super() -> None:
    class Own(ssl.SSLContext):
        def load_cert_chain(self, *arguments: Any, **named: Any) -> None:
            super().load_cert_chain(certfile=SERVER, keyfile=KEY)

    with recording() as recorder:
        context = Own(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("elsewhere")
    assert recorder.calls(context) == [("load_cert_chain", (SERVER, KEY, None))]


@pytest.mark.parametrize("password", ["geheim", b"geheim", bytearray(b"geheim"), lambda: "geheim", lambda: b"geheim"])
def test_a_password_in_every_form(password: Any) -> None:
    with recording() as recorder:
        context = make_context()
        context.load_cert_chain(SERVER, ENCRYPTED, password)
    assert recorder.calls(context) == [("load_cert_chain", (SERVER, ENCRYPTED, b"geheim"))]


def test_a_password_that_nobody_asks_for() -> None:
    with recording() as recorder:
        context = make_context()
        context.load_cert_chain(SERVER, KEY, password="unused")
    assert recorder.calls(context) == [("load_cert_chain", (SERVER, KEY, None))]


def test_what_fails_is_not_noted() -> None:
    with recording() as recorder:
        context = make_context()
        with pytest.raises(FileNotFoundError):
            context.load_cert_chain("/nope")
        with pytest.raises(ssl.SSLError):
            context.load_cert_chain(SERVER, ENCRYPTED, "wrong")
        with pytest.raises(ssl.SSLError):
            context.set_ciphers("NONSENSE")
    assert recorder.calls(context) == []


def test_paths_are_those_of_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CERTIFICATES)
    with recording() as recorder:
        context = make_context()
        context.load_cert_chain(Path("server.pem"), b"server.key")
        context.load_verify_locations("ca.pem", capath=".")
    assert recorder.calls(context) == [
        ("load_cert_chain", (SERVER, KEY, None)),
        ("load_verify_locations", (certificate_file("ca.pem"), str(CERTIFICATES), None)),
    ]
