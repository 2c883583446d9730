from __future__ import annotations

import ssl
import warnings
from pathlib import Path
from typing import Any

import pytest

from certificates import CERTIFICATES, certificate_file
from tunicorn_worker.tls_recorder import recording
from tunicorn_worker.tls_terms import NotHonoured, read_terms

SERVER, KEY, CA = (certificate_file(name) for name in ("server.pem", "server.key", "ca.pem"))
USUAL: dict[str, Any] = {
    "chains": [{"cert": SERVER, "key": KEY, "password": None}],
    "authorities": [],
    "verifyMode": 0,
    "minimumVersion": None,
    "maximumVersion": None,
    "options": [],
    "ciphers": None,
    "curve": None,
    "dhParameters": None,
    "protocols": None,
}


def terms_of(change: Any = lambda context: None, protocol: int = ssl.PROTOCOL_TLS_SERVER) -> dict[str, Any]:
    """The terms of a context with a certificate, after `change`."""
    with recording() as recorder, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context = ssl.SSLContext(protocol)
        context.load_cert_chain(SERVER, KEY)
        change(context)
    return read_terms(context, recorder.calls(context), ["http/1.1", "h2"])


def setting(name: str, value: Any) -> Any:
    return lambda context: setattr(context, name, value)


def adding(name: str, value: int) -> Any:
    return lambda context: setattr(context, name, getattr(context, name) | value)


def test_a_context_with_a_certificate_and_nothing_else_is_the_gateways_own() -> None:
    assert terms_of() == USUAL


HONOURED: list[tuple[Any, dict[str, Any]]] = [
    (setting("minimum_version", ssl.TLSVersion.TLSv1_3), {"minimumVersion": "TLSv1.3"}),
    (setting("maximum_version", ssl.TLSVersion.TLSv1_2), {"maximumVersion": "TLSv1.2"}),
    (setting("minimum_version", ssl.TLSVersion.TLSv1_1), {"minimumVersion": "TLSv1.1"}),
    (setting("minimum_version", ssl.TLSVersion.MINIMUM_SUPPORTED), {"minimumVersion": "TLSv1"}),
    (adding("options", ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1), {"options": ["OP_NO_TLSv1", "OP_NO_TLSv1_1"]}),
    (adding("options", ssl.OP_NO_TLSv1_3), {"options": ["OP_NO_TLSv1_3"]}),
    (adding("options", ssl.OP_NO_TICKET), {"options": ["OP_NO_TICKET"]}),
    (setting("num_tickets", 0), {"options": ["OP_NO_TICKET"]}),
    (setting("num_tickets", 2), {}),
    (adding("options", ssl.OP_ALL | ssl.OP_NO_COMPRESSION | ssl.OP_SINGLE_ECDH_USE | ssl.OP_NO_RENEGOTIATION), {}),
    (setting("options", ssl.OP_NO_TLSv1), {"options": ["OP_NO_TLSv1"]}),
    (lambda context: context.set_ciphers("ECDHE+AESGCM:!aNULL"), {"ciphers": "ECDHE+AESGCM:!aNULL"}),
    (lambda context: context.set_ecdh_curve("secp384r1"), {"curve": "secp384r1"}),
    (lambda context: context.set_alpn_protocols(["http/1.1"]), {"protocols": ["http/1.1"]}),
    (lambda context: context.set_alpn_protocols(("h2", "http/1.1")), {"protocols": ["h2", "http/1.1"]}),
    (setting("verify_mode", ssl.CERT_REQUIRED), {"verifyMode": 2}),
    (lambda context: context.load_verify_locations(CA), {}),
    (setting("verify_flags", ssl.VERIFY_DEFAULT), {}),
    (setting("check_hostname", False), {}),
    (lambda context: context.set_servername_callback(None), {}),
    (setting("keylog_filename", None), {}),
]


@pytest.mark.parametrize("number", range(len(HONOURED)))
def test_what_is_honoured(number: int) -> None:
    change, expected = HONOURED[number]
    assert terms_of(change) == {**USUAL, **expected}


REFUSED: list[tuple[Any, str]] = [
    (setting("sni_callback", lambda *_: None), "sni_callback = .* name the certificates in sni_certificates"),
    (lambda context: context.set_servername_callback(lambda *_: None), "sni_callback = "),
    (setting("post_handshake_auth", True), "post_handshake_auth = True cannot be honoured"),
    (setting("num_tickets", 5), "num_tickets = 5 cannot be honoured: it may be 0 or 2"),
    (adding("verify_flags", ssl.VERIFY_CRL_CHECK_LEAF), "verify_flags = .* cannot be honoured: revocation lists"),
    (setting("sslsocket_class", type("Own", (ssl.SSLSocket,), {})), "sslsocket_class = .* cannot be honoured"),
    (setting("minimum_version", ssl.TLSVersion.SSLv3), "SSLv3 cannot be honoured"),
    (adding("options", 1 << 60), "options: 0x1000000000000000 cannot be honoured"),
    (lambda context: context.set_alpn_protocols(["h2", "acme-tls/1"]), r"set_alpn_protocols\(\) offers 'acme-tls/1'"),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_is_refused_by_its_name(number: int, tmp_path: Path) -> None:
    change, message = REFUSED[number]
    with pytest.raises(NotHonoured, match=message):
        terms_of(change)


def test_a_method_of_a_later_python_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with pytest.raises(NotHonoured, match=r"set_groups\(\) cannot be honoured"):
        read_terms(context, [("load_cert_chain", (SERVER, KEY, None)), ("set_groups", ("X25519",))], [])


def test_keys_of_connections_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(NotHonoured, match=r"keylog_filename = .* the keys of connections stay in the gateway"):
        terms_of(setting("keylog_filename", str(tmp_path / "keys")))


def test_the_environments_key_log_is_not_the_hooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    with recording() as recorder:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(SERVER, KEY)
    assert read_terms(context, recorder.calls(context), []) == USUAL


def test_a_context_for_clients_and_one_that_makes_connections_itself() -> None:
    with pytest.raises(NotHonoured, match="PROTOCOL_TLS_CLIENT is for clients"):
        terms_of(protocol=ssl.PROTOCOL_TLS_CLIENT)

    class Own(ssl.SSLContext):
        def wrap_socket(self, *arguments: Any, **named: Any) -> Any:
            raise NotImplementedError

    with recording() as recorder:
        context = Own(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(SERVER, KEY)
    with pytest.raises(NotHonoured, match=r"Own.wrap_socket\(\) cannot be honoured"):
        read_terms(context, recorder.calls(context), [])


def test_a_protocol_that_is_one_version() -> None:
    terms = terms_of(protocol=ssl.PROTOCOL_TLSv1_2)
    assert (terms["minimumVersion"], terms["maximumVersion"]) == ("TLSv1.2", "TLSv1.2")


def test_keys_and_authorities_from_outside_of_the_recording_are_refused() -> None:
    outside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    outside.load_cert_chain(SERVER, KEY)
    with pytest.raises(NotHonoured, match=r"keys cannot be read back from a context\. Call the factory"):
        read_terms(outside, [], [])
    outside.load_verify_locations(CA)
    outside.verify_mode = ssl.CERT_REQUIRED
    with pytest.raises(NotHonoured, match="outside of the hook"):
        read_terms(outside, [("load_cert_chain", (SERVER, KEY, None))], [])


def test_several_certificates_and_their_passwords() -> None:
    encrypted, rsa = certificate_file("server-encrypted.key"), certificate_file("rsa.pem")

    def change(context: ssl.SSLContext) -> None:
        context.load_cert_chain(rsa, certificate_file("rsa.key"))
        context.load_cert_chain(SERVER, encrypted, "geheim")

    assert terms_of(change)["chains"][1:] == [
        {"cert": rsa, "key": certificate_file("rsa.key"), "password": None},
        {"cert": SERVER, "key": encrypted, "password": "Z2VoZWlt"},
    ]


def test_authorities_in_every_form(tmp_path: Path) -> None:
    pem = Path(CA).read_text()
    (tmp_path / "0a1b2c3d.0").write_text(pem)
    (tmp_path / "README").write_text("not looked at")

    def authorities(*arguments: Any, **named: Any) -> Any:
        def change(context: ssl.SSLContext) -> None:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(*arguments, **named)

        return terms_of(change)["authorities"]

    assert authorities(CA) == [{"file": CA}]
    assert authorities(capath=tmp_path) == [{"file": str(tmp_path / "0a1b2c3d.0")}]
    assert authorities(cadata=pem) == [{"pem": pem}]
    der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN") :])
    assert [ssl.PEM_cert_to_DER_cert(each["pem"]) for each in authorities(cadata=der)] == [der]
    other = ssl.PEM_cert_to_DER_cert(Path(certificate_file("stranger.pem")).read_text())
    with pytest.raises(NotHonoured, match="several certificates in bytes"):
        authorities(cadata=der + other)


def test_the_systems_authorities(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "0a1b2c3d.0").write_text(Path(CA).read_text())
    paths = ssl.get_default_verify_paths()._replace(cafile=CA, capath=str(tmp_path))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)

    def change(context: ssl.SSLContext) -> None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)

    assert terms_of(change)["authorities"] == [{"file": CA}, {"file": str(tmp_path / "0a1b2c3d.0")}]


def test_parameters_of_diffie_and_hellman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CERTIFICATES)
    calls: list[Any] = [("load_cert_chain", (SERVER, KEY, None)), ("load_dh_params", ("dh.pem",))]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert read_terms(context, calls, [])["dhParameters"] == certificate_file("dh.pem")
