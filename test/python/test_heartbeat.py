from __future__ import annotations

import os
from time import monotonic

from tunicorn_worker.heartbeat import NEVER, HeartbeatFile, last_beat, make_heartbeat_file


def test_a_beat_is_the_monotonic_time() -> None:
    descriptor = make_heartbeat_file()
    assert last_beat(descriptor) == NEVER
    assert not os.get_inheritable(descriptor)
    beats: list[float] = []
    file = HeartbeatFile(descriptor, lambda: beats.append(last_beat(descriptor)))
    before = monotonic()
    file.notify()
    # The file system stores a little less than a float holds.
    assert before - 0.001 <= file.last_update() <= monotonic()
    assert beats == [file.last_update()]
    assert file.fileno() == descriptor
    file.close()
