"""The exceptions of the master and of the configuration."""

from __future__ import annotations


class HaltServer(BaseException):
    """The whole server is to end."""

    def __init__(self, reason: str, exit_status: int = 1) -> None:
        super().__init__(reason, exit_status)
        self.reason = reason
        self.exit_status = exit_status

    def __str__(self) -> str:
        return f"<HaltServer {self.reason!r} {self.exit_status}>"


class ConfigError(Exception):
    """A setting is wrong."""


class AppImportError(Exception):
    """The application cannot be used; exit code 4."""
