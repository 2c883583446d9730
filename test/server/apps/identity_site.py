"""Says whom its worker runs as, sends a file, counts a body.

It imports nothing that is not there already: Python's library may stand where that user may not read.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/file":
        return environ["wsgi.file_wrapper"](open(__file__, "rb"))
    if path == "/length":
        return [str(len(environ["wsgi.input"].read())).encode()]
    facts = f'{{"pid": {os.getpid()}, "uid": {os.getuid()}, "gid": {os.getgid()}, "groups": {sorted(os.getgroups())}}}'
    return [facts.encode()]
