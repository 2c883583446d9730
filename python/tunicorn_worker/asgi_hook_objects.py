"""What asgi workers call hooks of requests with: `req`, `environ` and `resp`, as Gunicorn's asgi worker has them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class AsgiHookRequest:
    """A request.

    path: decoded, ``"/café"``; raw_path: as sent, ``b"/caf%C3%A9"``; uri: path and query as sent
    headers: ``[("HOST", "example.org")]``; headers_bytes: ``[(b"host", b"example.org")]``
    """

    def __init__(self, scope: dict[str, Any]) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.raw_path: bytes = scope["raw_path"]
        self.query: str = scope["query_string"].decode("latin-1")
        self.uri = self.raw_path.decode("latin-1") + (f"?{self.query}" if self.query else "")
        self.fragment = ""
        major, _, minor = scope["http_version"].partition(".")
        self.version = (int(major), int(minor or 0))
        self.scheme: str = scope["scheme"]
        self.headers_bytes: list[tuple[bytes, bytes]] = list(scope["headers"])
        self.headers = [(name.decode("latin-1").upper(), value.decode("latin-1")) for name, value in self.headers_bytes]
        self.content_length = int(self.get_header("content-length") or 0)
        # The gateway refuses every coding but chunked.
        self.chunked = self.get_header("transfer-encoding") is not None
        self.proxy_protocol_info = None

    def get_header(self, name: str) -> str | None:
        wanted = name.upper()
        return next((value for known, value in self.headers if known == wanted), None)

    def should_close(self) -> bool:
        """Whether the client wants the connection closed after this request."""
        values = ",".join(value for name, value in self.headers if name == "CONNECTION")
        options = {option.strip().lower() for option in values.split(",")}
        return (
            "close" in options or self.method == "CONNECT" or (self.version <= (1, 0) and "keep-alive" not in options)
        )


class AsgiHookResponse:
    """A response. What the application said in `http.response.start`, and how much of a body it sent since.

    status: 500 until then
    """

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[str, str]] = []
        self.sent = 0

    def start(self, status: int, headers: Iterable[Any]) -> None:
        self.status = status
        self.headers = [(as_text(name), as_text(value)) for name, value in headers]

    def add(self, size: int, length: int | None) -> None:
        """length: the response's Content-Length: what is beyond it is not sent."""
        self.sent += size if length is None else min(size, length - self.sent)


def as_text(text: Any) -> str:
    decoded: str = text.decode("latin-1") if isinstance(text, bytes) else text
    return decoded


def make_hook_environ(request: AsgiHookRequest, scope: dict[str, Any]) -> dict[str, str]:
    """The few keys of a WSGI environ that Gunicorn's asgi worker gives to `post_request`."""
    client = scope.get("client")
    environ = {
        "REQUEST_METHOD": request.method,
        "RAW_URI": request.uri,
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query,
        "SERVER_PROTOCOL": f"HTTP/{request.version[0]}.{request.version[1]}",
        "REMOTE_ADDR": client[0] if client else "-",
    }
    for name, value in request.headers:
        environ["HTTP_" + name.replace("-", "_")] = value
    return environ
