"""The package ``gunicorn`` that direct worker classes are written for: the environment's own, or else our fallback.

The fallback is found only by those who ask for it (`offer_fallback`), and only where nothing else is found: an
application that looks whether it runs under Gunicorn by importing it sees what it would see without us.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from importlib.machinery import PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

PACKAGE = "gunicorn"
FALLBACK_DIRECTORY = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "gunicorn_fallback")


class FallbackFinder:
    """The last of ``sys.meta_path``."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(name, [FALLBACK_DIRECTORY]) if name == PACKAGE else None


FINDER = FallbackFinder()


def offer_fallback() -> None:
    """From now on ``import gunicorn`` succeeds in this process."""
    if FINDER not in sys.meta_path:
        sys.meta_path.append(FINDER)


@contextmanager
def fallback_offered() -> Iterator[None]:
    """While the configuration runs, which may define a worker class."""
    offer_fallback()
    try:
        yield
    finally:
        sys.meta_path.remove(FINDER)


def is_fallback() -> bool:
    """Whether the ``gunicorn`` that has been imported is ours."""
    package = sys.modules.get(PACKAGE)
    return (getattr(package, "__file__", None) or "").startswith(FALLBACK_DIRECTORY + os.sep)
