"""The file whose time is a worker's heartbeat."""

from __future__ import annotations

from typing import Any

from tunicorn_worker.heartbeat import HeartbeatFile, make_heartbeat_file


class WorkerTmp(HeartbeatFile):
    """Tunicorn puts the one that it watches in its place."""

    def __init__(self, _cfg: Any) -> None:
        super().__init__(make_heartbeat_file(), lambda: None)
