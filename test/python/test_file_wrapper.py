from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tunicorn_worker.file_wrapper import FileWrapper, find_region, path_of


def test_blocks_of_the_wished_size() -> None:
    assert list(FileWrapper(io.BytesIO(b"0123456"), 3)) == [b"012", b"345", b"6"]
    assert [*FileWrapper(io.BytesIO(b"x" * 8193))] == [b"x" * 8192, b"x"]


def test_the_old_protocol_of_iteration() -> None:
    wrapper = FileWrapper(io.BytesIO(b"abc"), 2)
    assert (wrapper[0], wrapper[1]) == (b"ab", b"c")
    with pytest.raises(IndexError):
        wrapper[2]


def test_close_is_the_files_if_it_has_one() -> None:
    file = io.BytesIO(b"")
    FileWrapper(file).close()
    assert file.closed

    class OnlyRead:
        def read(self, size: int) -> bytes:
            return b""

    assert not hasattr(FileWrapper(OnlyRead()), "close")


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "f\udc80le"
    path.write_bytes(b"0123456789")
    return path


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [(0, None, (0, 10)), (4, None, (4, 6)), (4, 2, (4, 2)), (10, None, (10, 0)), (12, None, (12, 0)), (4, 6, (4, 6))],
)
def test_a_regular_file(path: Path, offset: int, length: int | None, expected: tuple[int, int]) -> None:
    with path.open("rb") as file:
        file.seek(offset)
        region = find_region(file, length)
        assert file.tell() == offset
    assert region is not None
    status = path.stat()
    assert (region.device, region.inode, region.path) == (status.st_dev, status.st_ino, os.fsencode(path))
    assert (region.offset, region.size) == expected


@pytest.mark.parametrize(("offset", "length"), [(0, 11), (4, 7), (12, 1)])
def test_a_file_with_too_few_bytes(path: Path, offset: int, length: int) -> None:
    with path.open("rb") as file:
        file.seek(offset)
        assert find_region(file, length) is None


class Lies:
    """A file object of another kind."""

    def __init__(self, fileno: Callable[[], Any]) -> None:
        self.fileno = fileno


@pytest.mark.parametrize(
    "file",
    [io.BytesIO(b"x"), object(), Lies(lambda: -1), Lies(lambda: "3"), Lies(lambda: 10**6), Lies(lambda: None)],
    ids=["memory", "no fileno", "negative", "text", "not open", "None"],
)
def test_what_is_no_file_of_the_system(file: Any) -> None:
    assert find_region(file, None) is None


def test_files_that_the_gateway_cannot_open(path: Path) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as pipe, os.fdopen(writer, "wb"), open("/dev/zero", "rb") as device:
        assert find_region(pipe, None) is None
        assert find_region(device, 0) is None
    with path.open("rb") as file:
        path.unlink()
        assert find_region(file, None) is None


def test_descriptors_without_a_path() -> None:
    reader, writer = os.pipe()
    assert path_of(reader, None) is None
    os.close(reader)
    os.close(writer)
    assert path_of(10**6, None) is None
