"""Whether the kernel killed a process of ours for lack of memory: its own count for this control group (cgroup v2)."""

from __future__ import annotations

from time import monotonic

EXPLAINS_SECONDS = 10.0
"""A kill that the kernel has counted explains the end of a worker for so long: of what else it may have killed here,
a subprocess of the application, nothing is heard.
"""


class OomWatch:
    """The counter `oom_kill` of the group's `memory.events`, which includes the groups below."""

    def __init__(self, root: str = "/sys/fs/cgroup", membership: str = "/proc/self/cgroup") -> None:
        self._path = find_events(root, membership)
        self._seen = self._count() or 0
        self._unexplained = 0
        self._counted_at = 0.0

    def explains_kill(self) -> bool | None:
        """Whether a worker that has just ended by SIGKILL was killed by the kernel: asked once for each. None: nobody
        can know.
        """
        count = self._count()
        if count is None:
            return None
        now = monotonic()
        if now - self._counted_at > EXPLAINS_SECONDS:
            self._unexplained = 0
        if count > self._seen:
            self._unexplained += count - self._seen
            self._seen = count
            self._counted_at = now
        if not self._unexplained:
            return False
        self._unexplained -= 1
        return True

    def _count(self) -> int | None:
        if self._path is None:
            return None
        try:
            with open(self._path, encoding="ascii") as file:
                for line in file:
                    name, _, value = line.partition(" ")
                    if name == "oom_kill":
                        return int(value)
        except (OSError, ValueError):
            pass
        return None


def find_events(root: str, membership: str) -> str | None:
    """Find the group's file; None without cgroup v2.

    membership: a file; its line ``0::/system.slice/shop.service`` names a folder below the root
    """
    try:
        with open(membership, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                hierarchy, _, rest = line.rstrip("\n").partition(":")
                if hierarchy == "0":
                    return f"{root}{rest.partition(':')[2].rstrip('/')}/memory.events"
    except OSError:
        pass
    return None
