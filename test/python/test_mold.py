"""A mold in a process of its own, driven through its channel; test_nursery.py has it with real workers."""

from __future__ import annotations

from programs import output_of

BEGIN = """
import os, signal, socket, sys
from tunicorn_worker.line_channel import LineChannel
from tunicorn_worker.linux import become_subreaper
from tunicorn_worker.mold import Mold, run_mold
become_subreaper()
near, far = socket.socketpair()
def load():
    return FAIL and sys.exit(9) or "application"
def make_task(control, application, request):
    number, report_modules, notes = request["worker"], request["report_modules"], request["notes"]
    def task():
        control.sendall(f"{number} {application} {report_modules} {notes}".encode())
        return number
    return task
def start():
    pid = os.fork()
    if pid:
        far.close()
        return pid
    near.close()
    code = 99
    try:
        code = run_mold(far, load, make_task, lambda: None)
    except SystemExit as leaving:
        code = leaving.code
    finally:
        os._exit(code)
"""


def test_forks_a_worker_per_request_until_its_channel_ends() -> None:
    program = """
FAIL = False
pid = start()
mold = Mold(0, pid, LineChannel(near))
near.setblocking(True)
ends = []
for number in (4, 5):
    ours, theirs = socket.socketpair()
    mold.ask(number, theirs, report_modules=number == 5, notes="n" if number == 5 else None)
    theirs.close()
    ends.append(ours)
print(mold.unborn)
events = []
while len(events) < 3:
    events += mold.channel.receive()
print([(event["ev"], event.get("worker")) for event in events])
print([end.recv(100).decode() for end in ends])
near.close()
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
# Only now: a worker is this process's child once the process between the mold and it has ended.
for event in events[1:]:
    print(os.waitstatus_to_exitcode(os.waitpid(event["pid"], 0)[1]))
"""
    expected = [
        "{4, 5}",
        "[('loaded', None), ('forked', 4), ('forked', 5)]",
        "['4 application False None', '5 application True n']",
        "0",
        "4",
        "5",
    ]
    assert output_of(BEGIN + program).splitlines() == expected


def test_a_load_that_fails_ends_it() -> None:
    program = "FAIL = True\npid = start()\nprint(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), near.recv(10))"
    assert output_of(BEGIN + program) == "9 b''\n"
