from __future__ import annotations

import os
import socket

import pytest

from tunicorn_worker.descriptors import Descriptor, Holdings


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def test_descriptor_closes_once() -> None:
    number, other = os.pipe()
    descriptor = Descriptor(number)
    assert descriptor.fileno() == number
    descriptor.close()
    assert descriptor.fileno() == -1
    assert not is_open(number)
    reused = os.dup(other)
    descriptor.close()
    assert is_open(reused)
    os.close(other)
    os.close(reused)


@pytest.mark.parametrize("dropped", [False, True])
def test_holdings_close_everything(dropped: bool) -> None:
    holdings = Holdings()
    near, far = socket.socketpair()
    numbers = [near.fileno(), far.fileno()]
    holdings.hold(near)
    assert holdings.hold(far) is far
    if dropped:
        holdings.drop(near)
        assert [is_open(number) for number in numbers] == [False, True]
    holdings.close_all()
    assert not any(is_open(number) for number in numbers)
