"""The tests' own keys and certificates: test/certificates."""

from __future__ import annotations

from pathlib import Path

CERTIFICATES = Path(__file__).parent.parent / "certificates"


def certificate_file(name: str) -> str:
    return str(CERTIFICATES / name)
