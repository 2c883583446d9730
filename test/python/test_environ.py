from __future__ import annotations

import errno
import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from fake_gateway import make_config
from tunicorn_worker.environ import ErrorStream, base_environ
from tunicorn_worker.file_wrapper import FileWrapper


@pytest.mark.parametrize(("workers", "multiprocess"), [(1, False), (2, True)])
@pytest.mark.parametrize("multithread", [False, True])
def test_what_every_request_shares(workers: int, multiprocess: bool, multithread: bool) -> None:
    environ = base_environ(make_config(workers=workers), multithread=multithread)
    assert environ.pop("wsgi.input").read() == b""
    assert isinstance(environ.pop("wsgi.errors"), ErrorStream)
    assert environ == {
        "wsgi.version": (1, 0),
        "wsgi.multithread": multithread,
        "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.input_terminated": True,
        "SERVER_SOFTWARE": "gunicorn/27.0.1 tunicorn/0.1.0",
    }


@pytest.fixture(name="logger")
def _logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("gunicorn.error")
    before, logger.handlers = logger.handlers, []
    yield logger
    logger.handlers = before


def test_errors_go_to_every_stream_of_the_error_log(logger: logging.Logger, tmp_path: Path) -> None:
    streams = [io.StringIO(), io.StringIO()]
    logger.handlers = [*map(logging.StreamHandler, streams), logging.NullHandler()]
    errors = ErrorStream()
    assert errors.writable()
    assert errors.write("one\n") == 4
    errors.writelines(["two\n", "three\n"])
    assert [stream.getvalue() for stream in streams] == ["one\ntwo\nthree\n"] * 2


def test_a_reopened_log_is_followed(logger: logging.Logger, tmp_path: Path) -> None:
    handler = logging.FileHandler(tmp_path / "log")
    logger.handlers = [handler]
    errors = ErrorStream()
    errors.write("old\n")
    # Read at once: every write is flushed.
    assert (tmp_path / "log").read_text() == "old\n"
    (tmp_path / "log").rename(tmp_path / "log.1")
    handler.close()
    handler.stream = handler._open()
    errors.write("new\n")
    assert (tmp_path / "log").read_text() == "new\n"
    handler.close()


def test_what_the_log_cannot_encode_is_escaped(logger: logging.Logger) -> None:
    raw = io.BytesIO()
    logger.handlers = [logging.StreamHandler(io.TextIOWrapper(raw, encoding="ascii"))]
    ErrorStream().write("caf\u00e9\n")
    assert raw.getvalue() == b"caf\\xe9\n"


class FullDisk(io.StringIO):
    """A stream whose disk has no room."""

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_loses_the_text_and_nothing_else(logger: logging.Logger) -> None:
    written = io.StringIO()
    logger.handlers = [logging.StreamHandler(FullDisk()), logging.StreamHandler(written)]
    assert ErrorStream().write("kept elsewhere\n") == 15
    assert written.getvalue() == "kept elsewhere\n"
