"""What `Logger.access` is told of a response."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    413: "Content Too Large",
    499: "Client Closed Request",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
"""Of the answers that are not the application's."""


class AccessResponse:
    """A response as it was sent.

    status: ``"200 OK"``; sent: body bytes
    """

    def __init__(self, code: int, headers: list[tuple[str, str]], sent: int, status: str | int | None = None) -> None:
        """status: as the application said it, where it was the application's answer"""
        self.status_code = code
        self.status = f"{code} {REASONS.get(code, '')}".rstrip() if status is None else status
        self.headers = headers
        self.sent = sent

    @property
    def response_length(self) -> int | None:
        lengths = [value for name, value in self.headers if name.lower() == "content-length"]
        return int(lengths[-1]) if lengths and lengths[-1].isdigit() else None


def read_field_lines(lines: str) -> list[tuple[str, str]]:
    """``"Content-Type: text/plain\\r\\n"`` gives ``[("Content-Type", "text/plain")]``."""
    split = (line.partition(":") for line in lines.split("\r\n") if line)
    return [(name, value.strip(" \t")) for name, _, value in split]


def describe_response(code: int, sent: int, said: Any) -> AccessResponse:
    """The response of a request that a worker has served.

    code, sent: as the gateway has counted them, the last word
    said: the application's response, with `status` and `headers`; where it says another status, the answer was not the
        application's
    """
    status = None if said is None else said.status
    number = status if isinstance(status, int) else int(str(status or 0)[:3] or 0)
    if number != code:
        return AccessResponse(code, [], sent)
    return AccessResponse(code, [(name, value.strip(" \t")) for name, value in said.headers], sent, status)
