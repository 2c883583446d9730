from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunicorn_worker import line_channel
from tunicorn_worker.line_channel import ChannelError, LineChannel

Pair = tuple[LineChannel, LineChannel]


@pytest.fixture(name="pair")
def _pair() -> Iterator[Pair]:
    ends = make_pair()
    yield ends
    for end in ends:
        end.close()


def make_pair() -> Pair:
    near, far = socket.socketpair()
    return LineChannel(near), LineChannel(far)


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def same_file(first: int, second: int) -> bool:
    return os.path.sameopenfile(first, second)


def test_messages_and_their_descriptors_arrive_in_order(pair: Pair) -> None:
    near, far = pair
    reader, writer = os.pipe()
    near.send({"a": 1})
    near.send({"b": 2}, [reader, writer])
    near.send({"c": 3}, [writer])
    assert far.receive_all() == [{"a": 1}, {"b": 2}, {"c": 3}]
    taken = [far.take_descriptor() for _ in range(4)]
    assert taken[3] is None
    for descriptor, original in zip(taken, [reader, writer, writer], strict=False):
        assert descriptor is not None
        assert same_file(descriptor, original)
        assert not os.get_inheritable(descriptor)
        os.close(descriptor)
    os.close(reader)
    os.close(writer)


def test_what_does_not_fit_waits_with_copies_of_its_descriptors(pair: Pair) -> None:
    near, far = pair
    before = open_descriptors()
    count = 0
    while not near.wants_write:
        near.send({"filler": "x" * 50000, "count": count})
        count += 1
    reader, writer = os.pipe()
    near.send({"last": True}, [reader])
    os.close(reader)
    received: list[dict[str, Any]] = []
    while not received or "last" not in received[-1]:
        received += far.receive()
        near.flush()
    assert [message["count"] for message in received[:-1]] == list(range(count))
    descriptor = far.take_descriptor()
    assert descriptor is not None
    os.write(writer, b"through")
    assert os.read(descriptor, 7) == b"through"
    os.close(descriptor)
    os.close(writer)
    assert not near.wants_write
    assert open_descriptors() == before


def test_a_peer_that_is_gone_is_noticed_and_nothing_raises(pair: Pair) -> None:
    near, far = pair
    near.send({"last": "words"})
    near.close()
    assert far.receive_all() == [{"last": "words"}]
    assert far.ended
    far.send({"to": "nobody"})
    assert not far.wants_write


def test_sending_first_notices_as_well(pair: Pair) -> None:
    near, far = pair
    near.close()
    far.send({"to": "nobody"})
    assert far.ended


def test_close_closes_descriptors_that_nobody_took() -> None:
    before = open_descriptors()
    near, far = make_pair()
    near.send({"x": 1}, [0])
    far.receive()
    while not far.wants_write:
        far.send({"filler": "x" * 50000}, [0])
    near.close()
    far.close()
    assert open_descriptors() == before


@pytest.mark.parametrize("line", [b"nonsense\n", b"[]\n", b"3\n", b"\xff\n", b"\n"])
def test_rubbish_is_refused(line: bytes) -> None:
    near, far = socket.socketpair()
    with near:
        channel = LineChannel(far)
        near.send(line)
        with pytest.raises(ChannelError):
            channel.receive()
        channel.close()


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_channel, "LINE_BYTES_MAX", 100)
    near, far = socket.socketpair()
    with near:
        channel = LineChannel(far)
        near.send(b"x" * 101)
        with pytest.raises(ChannelError, match="more than 100 bytes"):
            channel.receive()
        channel.close()


@settings(max_examples=50)
@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers())), st.lists(st.integers(1, 40)))
def test_any_cut_gives_the_same_messages(messages: list[dict[str, Any]], cuts: list[int]) -> None:
    data = b"".join(json.dumps(message).encode() + b"\n" for message in messages)
    near, far = socket.socketpair()
    channel = LineChannel(far)
    received: list[dict[str, Any]] = []
    with near:
        for cut in [*cuts, len(data)]:
            near.sendall(data[:cut])
            data = data[cut:]
            received += channel.receive_all()
    assert received == messages
    channel.close()
