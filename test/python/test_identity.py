"""Each in a process of its own, for there is no way back; what only root may is told to be refused to others."""

from __future__ import annotations

import os

import pytest

from programs import run_program
from tunicorn_worker.identity import user_name

PROGRAM = """
import os, types
from tunicorn_worker.identity import give_away, take_identity
config = types.SimpleNamespace(user={user}, group={group}, initgroups={initgroups})
descriptor = os.memfd_create("x")
give_away(descriptor, config)
owner = os.fstat(descriptor)
take_identity(config)
print(os.getuid(), os.getgid(), owner.st_uid, owner.st_gid)
"""
OWN = (os.getuid(), os.getgid())


@pytest.mark.parametrize("initgroups", [False, True])
@pytest.mark.parametrize(("user", "group"), [(65534, 65534), (987654, 987655)])
def test_another_user(user: int, group: int, initgroups: bool) -> None:
    done = run_program(PROGRAM.format(user=user, group=group, initgroups=initgroups))
    if OWN[0] == 0:
        assert done.stdout.split() == [str(each) for each in (user, group, user, group)]
    else:
        assert "PermissionError: [Errno 1] Operation not permitted" in done.stderr


def test_zero_and_oneself_change_nothing() -> None:
    for user, group in ((0, 0), OWN):
        done = run_program(PROGRAM.format(user=user, group=group, initgroups=False))
        assert done.stdout.split()[:2] == [str(each) for each in OWN]


def test_a_number_without_an_entry_has_no_name() -> None:
    assert user_name(987654) is None
    assert user_name(0) == "root"
