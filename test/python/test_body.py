"""wsgi.input against a plain file of the same bytes, whole and in pieces, and Gunicorn's rules about arguments."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunicorn_worker.body import ChannelBody, EmptyBody, InlineBody


class PiecewiseChannel:
    """A channel that has a body in pieces."""

    stream = 1

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = list(pieces)

    def next_body_chunk(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


def bodies(pieces: list[bytes]) -> list[Any]:
    channel: Any = PiecewiseChannel(pieces)
    return [InlineBody(b"".join(pieces)), ChannelBody(channel)] + ([] if pieces else [EmptyBody()])


PIECES = st.lists(st.binary(min_size=1, max_size=8) | st.sampled_from([b"\n", b"a\nb", b"\n\n"]), max_size=8)
CALLS = st.lists(
    st.tuples(st.sampled_from(["read", "readline"]), st.none() | st.integers(-2, 12)) | st.just(("__next__", None)),
    max_size=12,
)


@given(PIECES, CALLS)
def test_reads_what_a_file_would(pieces: list[bytes], calls: list[tuple[str, int | None]]) -> None:
    for body in bodies(pieces):
        file = BytesIO(b"".join(pieces))
        for name, size in calls:
            if name == "__next__":
                assert next(body, b"") == next(file, b"")
            else:
                assert getattr(body, name)(size) == getattr(file, name)(size)
        assert body.readlines(1) == file.readlines()
        assert list(body) == []


@pytest.mark.parametrize("size", ["1", 1.0, b"1"])
@pytest.mark.parametrize("method", ["read", "readline"])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_refuses_sizes_that_are_no_ints(index: int, method: str, size: Any) -> None:
    with pytest.raises(TypeError, match="size must be an integral type"):
        getattr(bodies([])[index], method)(size)


@pytest.mark.parametrize("name", ["close", "seek", "tell"])
def test_is_no_file(name: str) -> None:
    assert not any(hasattr(body, name) for body in bodies([]))


def test_iteration_gives_lines() -> None:
    for body in bodies([b"a\nb", b"c\n", b"d"]):
        assert list(body) == [b"a\n", b"bc\n", b"d"]


def test_reads_nothing_of_the_next_request() -> None:
    channel: Any = PiecewiseChannel([b"one"])
    body = ChannelBody(channel)
    channel.stream = 2
    assert body.read() == b""
    assert channel.pieces == [b"one"]
