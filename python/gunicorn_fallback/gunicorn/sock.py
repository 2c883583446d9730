"""TLS for classes that do it themselves."""

from __future__ import annotations

import ssl
from typing import Any


def ssl_context(conf: Any) -> ssl.SSLContext:
    """The context of certfile, keyfile, ca_certs, cert_reqs and ciphers, or what the hook `ssl_context` makes of it."""

    def make_default() -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=conf.ca_certs)
        context.load_cert_chain(certfile=conf.certfile, keyfile=conf.keyfile)
        context.verify_mode = conf.cert_reqs
        if conf.ciphers:
            context.set_ciphers(conf.ciphers)
        return context

    context: ssl.SSLContext = conf.ssl_context(conf, make_default)
    return context
