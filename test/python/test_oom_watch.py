from __future__ import annotations

from pathlib import Path

import pytest

from tunicorn_worker import oom_watch
from tunicorn_worker.oom_watch import EXPLAINS_SECONDS, OomWatch, find_events


class Group:
    """A control group's files."""

    def __init__(self, folder: Path) -> None:
        self.root, self.membership = folder / "cgroup", folder / "membership"
        (self.root / "shop.service").mkdir(parents=True)
        self.membership.write_text("12:cpu:/old\n0::/shop.service\n")
        self.write(0)

    def write(self, kills: int) -> None:
        (self.root / "shop.service" / "memory.events").write_text(
            f"low 0\nhigh 0\nmax 7\noom 9\noom_kill {kills}\noom_group_kill 5\n"
        )

    def watch(self) -> OomWatch:
        return OomWatch(str(self.root), str(self.membership))


@pytest.fixture
def group(tmp_path: Path) -> Group:
    return Group(tmp_path)


def test_a_kill_that_the_kernel_has_counted_explains_one_end(group: Group) -> None:
    group.write(3)
    watch = group.watch()
    assert watch.explains_kill() is False
    group.write(4)
    assert watch.explains_kill() is True
    assert watch.explains_kill() is False


def test_two_at_once_explain_two_ends(group: Group) -> None:
    watch = group.watch()
    group.write(2)
    assert [watch.explains_kill() for _ in range(3)] == [True, True, False]


def test_an_old_one_explains_nothing(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(oom_watch, "monotonic", lambda: now)
    watch = group.watch()
    group.write(2)
    assert watch.explains_kill() is True
    now += EXPLAINS_SECONDS + 1
    assert watch.explains_kill() is False


def test_without_the_counter_nobody_knows(group: Group, tmp_path: Path) -> None:
    watch = group.watch()
    (group.root / "shop.service" / "memory.events").unlink()
    assert watch.explains_kill() is None
    (group.root / "shop.service" / "memory.events").write_text("oom_kill many\n")
    assert watch.explains_kill() is None
    assert OomWatch(str(group.root), str(tmp_path / "nothing")).explains_kill() is None


@pytest.mark.parametrize(
    ("text", "path"),
    [("0::/\n", "/g/memory.events"), ("0::/a/b\n", "/g/a/b/memory.events"), ("1:memory:/a\n", None), ("", None)],
)
def test_where_the_counter_is(tmp_path: Path, text: str, path: str | None) -> None:
    (tmp_path / "membership").write_text(text)
    assert find_events("/g", str(tmp_path / "membership")) == path
