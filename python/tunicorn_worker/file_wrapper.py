"""``wsgi.file_wrapper``, and which of its files the gateway may send itself."""

from __future__ import annotations

import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class FileWrapper:
    """Gunicorn's file wrapper (PEP 3333, "Optional Platform-Specific File Handling"): an iterable of blocks.

    `close` exists only if the file has one. The class itself stands in the environ; an object of it that the
    application returns may be sent by the gateway instead of being iterated.
    """

    def __init__(self, filelike: Any, blksize: int = 8192) -> None:
        self.filelike = filelike
        self.blksize = blksize
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __getitem__(self, key: object) -> Any:
        data = self.filelike.read(self.blksize)
        if data:
            return data
        raise IndexError

    def __iter__(self) -> FileWrapper:
        return self

    def __next__(self) -> Any:
        data = self.filelike.read(self.blksize)
        if data:
            return data
        raise StopIteration


class FileRegion:
    """Bytes of a regular file that the gateway can open by its path: `size` bytes from `offset`.

    device, inode: what the gateway must find there; a file that was replaced since is not the application's
    """

    __slots__ = ("device", "inode", "offset", "path", "size")

    def __init__(self, device: int, inode: int, offset: int, size: int, path: bytes) -> None:
        self.device = device
        self.inode = inode
        self.offset = offset
        self.size = size
        self.path = path


def find_region(filelike: Any, content_length: int | None) -> FileRegion | None:
    """Find what `filelike` would give from its present offset, or as much of it as `content_length` says.

    The offset is left alone, as Gunicorn restores it after its sendfile(2).

    Returns None for anything but a regular file with a name and enough bytes: it is read in blocks then.
    """
    try:
        descriptor = filelike.fileno()
        offset = os.lseek(descriptor, 0, os.SEEK_CUR)
        status = os.fstat(descriptor)
    except (AttributeError, OSError, TypeError, ValueError):  # io.UnsupportedOperation is an OSError and a ValueError
        return None
    if not stat.S_ISREG(status.st_mode) or status.st_nlink == 0:
        return None
    rest = max(status.st_size - offset, 0)
    size = rest if content_length is None else content_length
    path = path_of(descriptor, filelike)
    if path is None or size > rest:
        return None
    return FileRegion(status.st_dev, status.st_ino, offset, size, path)


def path_of(descriptor: int, filelike: Any) -> bytes | None:
    """Find an absolute path of an open file; None when it has none.

    Not /proc/PID/fd as such: the gateway may not open it after a setuid.
    """
    if sys.platform == "linux":
        try:
            path = os.readlink(b"/proc/self/fd/%d" % descriptor)
        except OSError:
            return None
        return path if path.startswith(b"/") else None
    name = getattr(filelike, "name", None)
    return os.path.abspath(os.fsencode(name)) if isinstance(name, (str, bytes)) else None
