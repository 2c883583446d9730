"""A context of the module ssl, read so that another library can make the same: the gateway's TLS is not Python's.

What cannot be made there is refused by name: a server must not be weaker than its configuration says.
"""

from __future__ import annotations

import os
import re
import ssl
from base64 import b64encode

from tunicorn_worker.tls_recorder import absolute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

    from tunicorn_worker.tls_recorder import Call

VERSIONS = {
    ssl.TLSVersion.MINIMUM_SUPPORTED: "TLSv1",
    ssl.TLSVersion.TLSv1: "TLSv1",
    ssl.TLSVersion.TLSv1_1: "TLSv1.1",
    ssl.TLSVersion.TLSv1_2: "TLSv1.2",
    ssl.TLSVersion.TLSv1_3: "TLSv1.3",
    ssl.TLSVersion.MAXIMUM_SUPPORTED: "TLSv1.3",
}
FIXED_VERSIONS = {"PROTOCOL_TLSv1": "TLSv1", "PROTOCOL_TLSv1_1": "TLSv1.1", "PROTOCOL_TLSv1_2": "TLSv1.2"}
"""Protocols that are one version."""
OPTIONS = ("OP_NO_TLSv1", "OP_NO_TLSv1_1", "OP_NO_TLSv1_2", "OP_NO_TLSv1_3", "OP_NO_TICKET")
"""What a context may be told by `options` that makes a difference."""
MOOT_OPTIONS = (
    "OP_ALL",
    "OP_NO_SSLv2",
    "OP_NO_SSLv3",
    "OP_NO_COMPRESSION",
    "OP_NO_RENEGOTIATION",
    "OP_SINGLE_DH_USE",
    "OP_SINGLE_ECDH_USE",
    "OP_IGNORE_UNEXPECTED_EOF",
    "OP_ENABLE_MIDDLEBOX_COMPAT",
    "OP_ENABLE_KTLS",
    "OP_LEGACY_SERVER_CONNECT",
    "OP_CIPHER_SERVER_PREFERENCE",
)
"""What the gateway does anyway, or what is for clients, or for speed."""
TICKETS_USUAL = 2
"""OpenSSL's number of session tickets for each handshake."""
HASHED_NAME = re.compile(r"[0-9a-f]{8}\.\d+")
"""Files that OpenSSL looks at in a folder of authorities."""


class NotHonoured(RuntimeError):
    """The context wants something that the gateway cannot do."""


def read_terms(context: ssl.SSLContext, calls: list[Call], protocols: Collection[str]) -> dict[str, Any]:
    """Return what the context is, as JSON (docs/internals/channels.md §1, `ssl-context-made`).

    calls: what it was told, from `recording`
    protocols: what may be offered by ALPN: ``["h2", "http/1.1"]``

    Raises NotHonoured.
    """
    refuse_what_cannot_be(context)
    last = dict(calls)  # the last call of each counts
    if unknown := set(last) - READ_CALLS:
        raise NotHonoured(f"{min(unknown)}() cannot be honoured")
    ciphers, curve, parameters = (
        last.get(name, (None,))[0] for name in ("set_ciphers", "set_ecdh_curve", "load_dh_params")
    )
    return {
        "chains": read_chains(calls),
        "authorities": read_authorities(context, calls) if context.verify_mode else [],
        "verifyMode": int(context.verify_mode),
        **read_versions(context),
        "options": read_options(context),
        "ciphers": ciphers,
        "curve": os.fsdecode(curve) if isinstance(curve, bytes) else curve,
        "dhParameters": None if parameters is None else absolute(parameters),
        "protocols": read_protocols(last.get("set_alpn_protocols"), protocols),
    }


READ_CALLS = {
    "load_cert_chain",
    "load_verify_locations",
    "load_default_certs",
    "set_default_verify_paths",
    "load_dh_params",
    "set_ciphers",
    "set_ecdh_curve",
    "set_alpn_protocols",
    "set_servername_callback",  # read as sni_callback
}
"""Methods whose effect is read below."""


def refuse_what_cannot_be(context: ssl.SSLContext) -> None:
    """Raises NotHonoured for the first attribute that has another value than a new context, and that cannot be had."""
    if context.protocol == ssl.PROTOCOL_TLS_CLIENT:
        raise NotHonoured("PROTOCOL_TLS_CLIENT is for clients: take the factory's context, or PROTOCOL_TLS_SERVER")
    usual = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    for name, (is_usual, instead) in ATTRIBUTES.items():
        value = getattr(context, name, None)
        if not is_usual(value, getattr(usual, name, None)):
            raise NotHonoured(f"{name} = {value!r} cannot be honoured: {instead}")
    if type(context).wrap_socket is not ssl.SSLContext.wrap_socket:
        raise NotHonoured(
            f"{type(context).__name__}.wrap_socket() cannot be honoured: the gateway makes the connections"
        )


ATTRIBUTES: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "sni_callback": (lambda value, _: value is None, "name the certificates in sni_certificates"),
    "keylog_filename": (lambda value, usual: value in (None, usual), "the keys of connections stay in the gateway"),
    "post_handshake_auth": (lambda value, _: not value, "verify_mode asks for certificates in the handshake"),
    "check_hostname": (lambda value, _: not value, "clients have no host name"),
    "num_tickets": (lambda value, _: value in (0, TICKETS_USUAL), f"it may be 0 or {TICKETS_USUAL}"),
    "verify_flags": (
        lambda value, usual: not value & ~(usual | ssl.VERIFY_X509_TRUSTED_FIRST),
        "revocation lists, stricter and laxer checks are not there",
    ),
    "sslsocket_class": (lambda value, usual: value is usual, "the gateway makes the connections"),
}
"""Whether a value is one that needs nothing, given that of a new context; and what to do instead."""


def read_chains(calls: list[Call]) -> list[dict[str, str | None]]:
    chains = [arguments for name, arguments in calls if name == "load_cert_chain"]
    if not chains:
        raise NotHonoured(
            "its context has no certificate from within the hook: keys cannot be read back from a context."
            " Call the factory, or load_cert_chain(), in the function"
        )
    return [
        {"cert": cert, "key": key, "password": None if password is None else b64encode(password).decode()}
        for cert, key, password in chains
    ]


def read_authorities(context: ssl.SSLContext, calls: list[Call]) -> list[dict[str, str]]:
    """Return files, and what was given as text: ``[{"file": "/etc/ca.pem"}, {"pem": "-----BEGIN..."}]``"""
    found: list[dict[str, str]] = []
    for name, arguments in calls:
        if name == "load_verify_locations":
            file, folder, data = arguments
            found += [{"file": str(each)} for each in (file, *hashed_files(folder)) if each is not None]
            if data is not None:
                found.append({"pem": as_pem(data)})
        elif name == "set_default_verify_paths":
            paths = ssl.get_default_verify_paths()
            found += [{"file": each} for each in (paths.cafile, *hashed_files(paths.capath)) if each is not None]
    if not found and context.cert_store_stats()["x509"] > 0:
        raise NotHonoured(
            "its authorities were loaded outside of the hook: call load_verify_locations() in the function"
        )
    return found


def hashed_files(folder: object) -> list[str]:
    if folder is None:
        return []
    path = str(folder)
    return [os.path.join(path, name) for name in sorted(os.listdir(path)) if HASHED_NAME.fullmatch(name)]


def as_pem(data: object) -> str:
    """cadata is text of PEM, or one certificate or several as bytes of DER; of several there is no end to be found."""
    if isinstance(data, str):
        return data
    raw = bytes(data)  # type: ignore[call-overload]
    alone = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    alone.load_verify_locations(cadata=raw)
    if alone.cert_store_stats()["x509"] != 1:
        raise NotHonoured("cadata with several certificates in bytes cannot be honoured: give PEM")
    return ssl.DER_cert_to_PEM_cert(raw)


def read_versions(context: ssl.SSLContext) -> dict[str, str | None]:
    """Return those that the hook has set; None is the gateway's own, which is 1.2 and 1.3."""
    for name, version in FIXED_VERSIONS.items():
        if context.protocol == getattr(ssl, name, None):
            return {"minimumVersion": version, "maximumVersion": version}
    usual = ssl.SSLContext(context.protocol)
    versions: dict[str, str | None] = {"minimumVersion": None, "maximumVersion": None}
    for key, value, default in (
        ("minimumVersion", context.minimum_version, usual.minimum_version),
        ("maximumVersion", context.maximum_version, usual.maximum_version),
    ):
        if value == default:
            continue
        if value not in VERSIONS:
            raise NotHonoured(f"{value.name} cannot be honoured: there is TLS 1.0 to 1.3")
        versions[key] = VERSIONS[value]
    if versions["minimumVersion"] is None and context.minimum_version == ssl.TLSVersion.TLSv1_3:
        versions["minimumVersion"] = "TLSv1.3"  # the system's own policy asks for it
    return versions


def read_options(context: ssl.SSLContext) -> list[str]:
    """Return names of OPTIONS: ``["OP_NO_TICKET"]``"""
    usual = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).options
    known = usual
    for name in (*OPTIONS, *MOOT_OPTIONS):
        known |= getattr(ssl, name, 0)
    if unknown := int(context.options) & ~int(known):
        raise NotHonoured(f"options: {unknown:#x} cannot be honoured")
    options = [name for name in OPTIONS if context.options & getattr(ssl, name, 0)]
    if context.num_tickets == 0 and "OP_NO_TICKET" not in options:
        options.append("OP_NO_TICKET")
    return options


def read_protocols(told: tuple[Any, ...] | None, allowed: Collection[str]) -> list[str] | None:
    if told is None:
        return None
    names = [str(name) for name in told[0]]
    for name in names:
        if name not in allowed:
            raise NotHonoured(f"set_alpn_protocols() offers {name!r}: http_protocols says what is spoken")
    return names
