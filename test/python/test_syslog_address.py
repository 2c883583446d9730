"""Addresses of syslog, beside what Gunicorn makes of them."""

from __future__ import annotations

import pytest
from gunicorn import glogging

from tunicorn_worker.syslog_address import SYSLOG_FACILITIES, find_facility, parse_syslog_address

ADDRESSES = [
    "unix:///dev/log",
    "unix:///dev/log#dgram",
    "unix:///dev/log#stream",
    "udp://localhost:514",
    "udp://LOGHOST",
    "udp://",
    "udp://[::1]:1514",
    "udp://[::1]",
    "tcp://127.0.0.1:6514",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_as_gunicorn_reads_them(address: str) -> None:
    assert parse_syslog_address(address) == glogging.parse_syslog_address(address)


@pytest.mark.parametrize("address", ["localhost:514", "http://x", "udp://h:port", ""])
def test_refused_as_gunicorn_refuses_them(address: str) -> None:
    with pytest.raises(RuntimeError) as theirs:
        glogging.parse_syslog_address(address)
    with pytest.raises(RuntimeError) as ours:
        parse_syslog_address(address)
    assert str(ours.value) == str(theirs.value)


def test_facilities() -> None:
    assert SYSLOG_FACILITIES == glogging.SYSLOG_FACILITIES
    assert find_facility("LOCAL3") == 19
    with pytest.raises(RuntimeError, match=r"^unknown facility name$"):
        find_facility("nope")
