from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tunicorn_worker.gateway_process import SLOT_MEMORY_BYTES, make_tickets, schedule_gateway, spawn_gateway
from tunicorn_worker.wire import ENTRIES_OFFSET, ENTRY_BYTES, ENTRY_COUNT


def test_slot_memory_has_room_for_every_slot() -> None:
    reader, writer, slots = make_tickets()
    try:
        assert SLOT_MEMORY_BYTES == ENTRIES_OFFSET + ENTRY_COUNT * ENTRY_BYTES
        assert os.fstat(slots).st_size == SLOT_MEMORY_BYTES
        assert not os.get_blocking(reader)
        assert not os.get_blocking(writer)
    finally:
        for descriptor in (reader, writer, slots):
            os.close(descriptor)


def test_the_program_gets_its_descriptors_and_a_session_of_its_own(tmp_path: Path) -> None:
    program = tmp_path / "gateway.py"
    program.write_text(
        "import os, sys, json\n"
        "numbers = dict(zip(sys.argv[1::2], map(int, sys.argv[2::2])))\n"
        "numbers['ipc'] = int(os.environ['NODE_CHANNEL_FD'])\n"
        "for number in numbers.values(): os.fstat(number)\n"
        "os.write(numbers['--control-fd'], json.dumps([sorted(numbers), os.getsid(0) == os.getpid()]).encode())\n"
    )
    process = spawn_gateway([sys.executable, str(program)], dict(os.environ))
    try:
        said = process.control.recv(4096)
        assert said == b'[["--control-fd", "--slots-fd", "--ticket-fd", "ipc"], true]'
        assert os.waitstatus_to_exitcode(os.waitpid(process.pid, 0)[1]) == 0
    finally:
        process.channel.close()
        process.control.close()
        for descriptor in (process.ticket_reader, process.ticket_writer, process.slots):
            os.close(descriptor)


def test_a_program_that_cannot_be_started_ends_with_its_own_code(capfd: pytest.CaptureFixture[str]) -> None:
    process = spawn_gateway(["/nowhere/node"], dict(os.environ))
    assert os.waitstatus_to_exitcode(os.waitpid(process.pid, 0)[1]) == 127
    assert "cannot start the gateway's program '/nowhere/node'" in capfd.readouterr().err
    process.channel.close()
    process.control.close()
    for descriptor in (process.ticket_reader, process.ticket_writer, process.slots):
        os.close(descriptor)


def test_a_gateway_is_scheduled_for_throughput_or_for_promptness() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    try:
        seen = []
        for bulk in (True, False):
            schedule_gateway(child.pid, bulk=bulk)
            seen.append(os.sched_getscheduler(child.pid) if hasattr(os, "SCHED_BATCH") else bulk)
        assert seen == ([os.SCHED_BATCH, os.SCHED_OTHER] if hasattr(os, "SCHED_BATCH") else [True, False])
    finally:
        child.communicate()
    schedule_gateway(child.pid, bulk=True)  # One that has gone is no error.
