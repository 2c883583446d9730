"""The hook ``ssl_context``: called in a child of the nursery, so that nothing of it stays where workers are forked."""

from __future__ import annotations

import json
import os
import ssl

from tunicorn_worker.app_check import FAILED_CODE, write_report
from tunicorn_worker.app_loader import set_import_paths
from tunicorn_worker.exit_status import code_of_system_exit
from tunicorn_worker.hooks import find_hook
from tunicorn_worker.tls_recorder import recording
from tunicorn_worker.tls_terms import NotHonoured, read_terms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tunicorn_worker.config import Config

ALPN_NAMES = {"h1": "http/1.1", "h2": "h2"}
"""Words of http_protocols, and their names in TLS."""


def make_default_context(config: Config) -> ssl.SSLContext:
    """Gunicorn's `default_ssl_context_factory`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=config.ca_certs)
    context.load_cert_chain(certfile=config.certfile, keyfile=config.keyfile)
    context.verify_mode = config.cert_reqs
    if config.ciphers:
        context.set_ciphers(config.ciphers)
    if "h2" in config.http_protocols:
        context.set_alpn_protocols([ALPN_NAMES[word] for word in config.http_protocols])
    return context


def call_hook(config: Config) -> dict[str, Any]:
    """Call the hook and read what it returns. Raises NotHonoured, and what the hook raises."""
    with recording() as recorder:
        hook = find_hook(config.ssl_context)
        assert hook is not None, "the arbiter asks only where one is set"
        context = hook(config, lambda: make_default_context(config))
    if not isinstance(context, ssl.SSLContext):
        raise NotHonoured(f"it returned {context!r}, which is no ssl.SSLContext")
    offered = ["http/1.1", *(ALPN_NAMES[word] for word in config.http_protocols)]
    return read_terms(context, recorder.calls(context), offered)


def report_ssl_context(config: Config, report: int) -> int:
    """In the child: to the pipe `report` goes the context as JSON, or why there is none. Returns the exit code."""
    try:
        # The nursery may still have the settings of before a reload.
        os.environ.update(config.env)
        os.chdir(config.chdir)
        set_import_paths(config)
        text, code = json.dumps(call_hook(config)), 0
    except NotHonoured as error:
        text, code = f"hook ssl_context: {error}", FAILED_CODE
    except SystemExit as leaving:
        code, text = code_of_system_exit(leaving.code)
        text, code = f"hook ssl_context has left the program: {text}", code or FAILED_CODE
    except BaseException:
        from traceback import format_exc

        text, code = f"hook ssl_context failed\n{format_exc().rstrip()}", FAILED_CODE
    write_report(report, text)
    return code
