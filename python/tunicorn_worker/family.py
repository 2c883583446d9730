"""The nursery's children: molds, workers, checks of the application. Forks them, hears them, reaps them."""

from __future__ import annotations

import os
import signal
import socket
from time import monotonic

from tunicorn_worker.app_check import AppCheck, check_application
from tunicorn_worker.boot_failure import boot_failure
from tunicorn_worker.children import WorkerChild, WorkerTable
from tunicorn_worker.config import DIRECT
from tunicorn_worker.descriptors import Descriptor
from tunicorn_worker.exit_status import describe_exit, shell_code
from tunicorn_worker.group_signals import reset_master_signals
from tunicorn_worker.heartbeat import make_heartbeat_file
from tunicorn_worker.identity import give_away
from tunicorn_worker.line_channel import ChannelError, LineChannel
from tunicorn_worker.linux import become_subreaper, die_with_parent
from tunicorn_worker.master_hooks import HookFailed
from tunicorn_worker.mold import Mold, run_mold
from tunicorn_worker.oom_watch import OomWatch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tunicorn_worker.config import Config
    from tunicorn_worker.descriptors import Holdings
    from tunicorn_worker.forking import Forker, Task
    from tunicorn_worker.hook_objects import HookWorker
    from tunicorn_worker.line_channel import Message
    from tunicorn_worker.master_hooks import MasterHooks
    from tunicorn_worker.node_ipc import Say
    from tunicorn_worker.poller import Poller
    from tunicorn_worker.worker_code import WorkerCode


class Family:
    """Every child of the nursery but the gateway."""

    def __init__(
        self,
        code: WorkerCode,
        forker: Forker,
        holdings: Holdings,
        poller: Poller,
        say: Say,
        on_born: Callable[[WorkerChild], None],
        hooks: MasterHooks,
        on_taken: Callable[[WorkerChild, int, int, int], None],
        lifeline_fd: int,
    ) -> None:
        """on_born: called with each worker whose pid has become known, to link it with the gateway
        on_taken: called with a worker, a gateway's pid, a stream and a descriptor, when an application has taken a
            connection
        """
        self._code = code
        self._forker = forker
        self._holdings = holdings
        self._poller = poller
        self._say = say
        self._on_born = on_born
        self._hooks = hooks
        self._on_taken = on_taken
        self._lifeline_fd = lifeline_fd
        self._molds: dict[int, Mold] = {}  # by pid
        self._checks: dict[int, AppCheck] = {}
        self._subreaper = False
        self._oom = OomWatch()
        self.workers = WorkerTable()
        self.settled = False
        """A worker has been ready: what can wait until then (ctypes, titles) may be done."""

    # Forking

    def check_application(self, config: Config) -> None:
        """Loads the application in a child; `app-checked` follows."""
        self._check(
            "app-checked", lambda report: check_application(lambda: self._code.load_application(config), report)
        )

    def check_worker_class(self, config: Config) -> None:
        """Looks for the worker class in a child; `class-checked` follows."""
        self._check("class-checked", lambda report: self._code.check_worker_class(config, report))

    def make_ssl_context(self, config: Config) -> None:
        """Calls the hook ssl_context in a child; `ssl-context-made` follows."""
        self._check("ssl-context-made", lambda report: self._code.report_ssl_context(config, report))

    def _check(self, event: str, look: Callable[[int], int]) -> None:
        reader, writer = os.pipe()
        report = self._holdings.hold(Descriptor(reader))
        nursery = os.getpid()

        def run_check() -> int:
            die_with_parent(nursery)
            return look(writer)

        try:
            pid = self._forker.fork(run_check)
        except OSError:
            self._holdings.drop(report)
            os.close(writer)
            raise
        os.close(writer)
        check = self._checks[pid] = AppCheck(pid, report, event)
        self._poller.watch(reader, lambda: None if check.read() else self._poller.forget(reader))

    def fork_worker(self, number: int, config: Config, *, generation: int, preload: bool, report_modules: bool) -> None:
        """Forks a worker, directly or (preload) through its generation's mold, started if need be. `forked` follows.

        Raises OSError. A `pre_fork` that raises is the end of it, told as `hook-failed`.
        """
        try:
            hooked = self._hooks.before_fork(number, config)
        except HookFailed:
            return
        near, far = socket.socketpair()
        lanes = self._code.count_lanes(config)
        heartbeat = self._hold_heartbeat(config) if config.worker_kind == DIRECT else None
        channel = self._holdings.hold(LineChannel(near))
        worker = WorkerChild(
            number, generation, lanes, channel, molded=preload, heartbeat=heartbeat, way=config.way, hooked=hooked
        )
        pid: int | None = None
        try:
            if preload:
                mold = self._mold(generation) or self._start_mold(generation, config)
                mold.ask(number, far, report_modules=report_modules, notes=None if hooked is None else hooked.notes())
            else:
                pid = self._forker.fork(self._task(config, number, far, None, report_modules, hooked))
        except OSError:
            self._drop_worker(worker)
            far.close()
            raise
        # Not by a context manager: that would close it in the child, too.
        far.close()
        self.workers.add(worker)
        self._poller.watch_channel(worker.channel, lambda: self._hear_worker(worker))
        if pid is not None:
            self._on_pid(worker, pid)

    def _task(
        self,
        config: Config,
        number: int,
        control: socket.socket,
        application: object,
        report_modules: bool,
        hooked: HookWorker | None,
    ) -> Task:
        code, lifeline_fd, server = self._code, self._lifeline_fd, self._hooks.server
        return lambda: code.run_worker(
            number=number,
            control=control,
            lifeline_fd=lifeline_fd,
            config=config,
            application=application,
            report_modules=report_modules,
            hooks=None if server is None or hooked is None else (server, hooked),
        )

    def _mold(self, generation: int) -> Mold | None:
        return next((mold for mold in self._molds.values() if mold.generation == generation and not mold.retired), None)

    def _start_mold(self, generation: int, config: Config) -> Mold:
        code, nursery = self._code, os.getpid()

        def load() -> object:
            # While it imports it would not see that nobody needs it any more.
            die_with_parent(nursery)
            try:
                return code.load_application(config)
            except BaseException as error:
                LineChannel(far).send(boot_failure(error))
                raise SystemExit(code.log_load_failure(config, error)) from None

        def make_task(control: socket.socket, application: object, request: Message) -> Task:
            number = int(request["worker"])
            hooked = self._hooks.molded(number, config, request["notes"])
            return self._task(config, number, control, application, bool(request["report_modules"]), hooked)

        # Its workers become this process's children only if it is the subreaper by then.
        self._subreaper = self._subreaper or become_subreaper()
        near, far = socket.socketpair()
        channel = self._holdings.hold(LineChannel(near))
        try:
            pid = self._forker.fork(lambda: run_mold(far, load, make_task, reset_master_signals), deaf=True)
        except OSError:
            self._holdings.drop(channel)
            far.close()
            raise
        far.close()
        mold = self._molds[pid] = Mold(generation, pid, channel)
        self._poller.watch_channel(channel, lambda: self._hear_mold(mold))
        return mold

    def _on_pid(self, worker: WorkerChild, pid: int) -> None:
        """A worker's pid is known. A mold's worker and the mold both tell it, in either order."""
        if worker.pid is None:
            worker.born(pid)
            self._hooks.born(worker.hooked, pid)
            self._say("forked", worker=worker.number, pid=pid)
            self._on_born(worker)

    # Hearing

    def _hear_worker(self, worker: WorkerChild) -> None:
        try:
            for message in worker.channel.receive():
                self._on_worker_message(worker, message)
        except ChannelError as error:
            self._say(
                "log",
                level="error",
                text=f"worker control channel broken worker={worker.number} pid={worker.pid}: {error}",
            )
            self._let_go(worker.channel)
        if worker.channel.ended:
            self._poller.forget(worker.channel.fileno())
            # Where there is no subreaper, nothing else tells the end of a worker that a mold has forked.
            if worker.molded and not self._subreaper:
                self._bury(worker, None)

    def _on_worker_message(self, worker: WorkerChild, message: Message) -> None:
        event = message.get("ev")
        if event == "started":
            self._on_pid(worker, int(message["pid"]))
        elif event == "running":
            worker.running_since = monotonic()
            worker.modules = message.get("modules", [])
        elif event == "ready":
            self.note_ready(worker, message.get("modules", []))
        elif event == "sources":
            self._say("sources", files=message["files"])
        elif event == "worn":
            self._say("worn", worker=worker.number, requests=message["requests"])
        elif event == "taken":
            descriptor = worker.channel.take_descriptor()
            if descriptor is not None:
                self._on_taken(worker, int(message["gateway"]), int(message["stream"]), descriptor)
        elif event == "stacks-file":
            descriptor = worker.channel.take_descriptor()
            if descriptor is not None and worker.stacks is None:
                worker.stacks = self._holdings.hold(Descriptor(descriptor))
        elif event == "boot-failed":
            self._say("boot-failed", text=message["text"])
        elif event == "signalled":
            self._say("signalled", worker=worker.number, signal=message["signal"])

    def note_ready(self, worker: WorkerChild, modules: list[str]) -> None:
        """A worker serves. Tells the arbiter, once."""
        if worker.ready:
            return
        worker.ready = True
        self.settled = True
        self._say("ready", worker=worker.number, pid=worker.pid, modules=modules)
        if worker.reopen_due:
            worker.signal(signal.SIGUSR1)
        self._retire_molds(worker.generation)

    def _hear_mold(self, mold: Mold) -> None:
        for message in mold.channel.receive():
            self._on_mold_message(mold, message)
        if mold.channel.ended:
            self._poller.forget(mold.channel.fileno())

    def _on_mold_message(self, mold: Mold, message: Message) -> None:
        if message["ev"] == "loaded":
            mold.loaded = True
            return
        if message["ev"] == "boot-failed":
            self._say("boot-failed", text=message["text"])
            return
        number = int(message["worker"])
        mold.unborn.discard(number)
        worker = self.workers.get(number)
        if worker is None:
            return
        if message["ev"] == "forked":
            self._on_pid(worker, int(message["pid"]))
        else:
            self._say("failed", cmd="fork", text=message["text"], worker=number)
            self._bury(worker, None)

    def _retire_molds(self, generation: int) -> None:
        """A worker of this generation serves: nothing will be forked of older ones. Their molds see the end of the
        channel, and leave.
        """
        for mold in self._molds.values():
            # One that still owes a worker has to be heard; it goes when the next worker is ready.
            if mold.generation < generation and not mold.unborn and not mold.retired:
                mold.retired = True
                self._let_go(mold.channel)

    def _hold_heartbeat(self, config: Config) -> Descriptor:
        heartbeat = self._holdings.hold(Descriptor(make_heartbeat_file()))
        give_away(heartbeat.fileno(), config)
        return heartbeat

    def _let_go(self, channel: LineChannel) -> None:
        if channel.fileno() >= 0:
            self._poller.forget(channel.fileno())
        self._holdings.drop(channel)

    def _drop_worker(self, worker: WorkerChild) -> None:
        self._let_go(worker.channel)
        for file in (worker.heartbeat, worker.stacks):
            if file is not None:
                self._holdings.drop(file)

    # Telling

    def tell(self, number: int, command: str) -> None:
        """Sends a worker a command on its control channel. One that has just gone is fine: its `exited` is on the
        way.
        """
        worker = self.workers.get(number)
        if worker is not None:
            worker.channel.send({"cmd": command})

    def stop(self, worker: WorkerChild) -> None:
        """Asks a worker to finish and leave."""
        if worker.heartbeat is None:
            worker.channel.send({"cmd": "stop"})
        else:
            worker.signal(signal.SIGTERM)

    def dismiss(self, worker: WorkerChild) -> None:
        """Asks a worker to leave at once if it does not serve yet; else to finish first. Only the worker knows."""
        self.stop(worker)
        if worker.heartbeat is None:
            self.signal(worker, signal.SIGQUIT)

    def promote_molds(self) -> None:
        """What they fork from now on is told nothing of the master that has ended."""
        for mold in self._molds.values():
            if not mold.retired:
                mold.promote()

    def stop_direct(self) -> None:
        """The nursery is about to leave; workers that have a channel see it, or the lifeline, by themselves."""
        for worker in self.workers:
            if worker.heartbeat is not None:
                worker.signal(signal.SIGTERM)

    def reopen_logs(self) -> None:
        for worker in self.workers:
            if worker.heartbeat is None:
                worker.channel.send({"cmd": "reopen-logs"})
            elif worker.ready:
                worker.signal(signal.SIGUSR1)
            else:
                worker.reopen_due = True

    def set_log_level(self, level: str) -> None:
        """Of workers that run. A direct one has the loggers of its class, which only a start sets up."""
        for worker in self.workers:
            if worker.heartbeat is None:
                worker.channel.send({"cmd": "log-level", "level": level})

    def signal(self, worker: WorkerChild, number: signal.Signals) -> None:
        """Sends a worker a signal. A mold whose unborn workers are all to be killed is of no use: it is killed, too."""
        worker.signal(number)
        mold = next((mold for mold in self._molds.values() if worker.number in mold.unborn), None)
        if mold is not None and worker.doomed and all(self._is_doomed(unborn) for unborn in mold.unborn):
            os.kill(mold.pid, signal.SIGKILL)

    def _is_doomed(self, number: int) -> bool:
        worker = self.workers.get(number)
        return worker is None or worker.doomed

    def has_sent(self, pid: int) -> bool:
        """Whether this is a worker or a mold: code of the application, which signals its parent to mean the master."""
        return pid in self._molds or self.workers.by_pid(pid) is not None

    def kill_idle(self) -> None:
        """Kills what is busy importing and serves nobody: it would not see the end of its lifeline before that is
        done.
        """
        for pid in [*self._molds, *self._checks, *(worker.pid for worker in self.workers if not worker.ready)]:
            if pid is not None:
                os.kill(pid, signal.SIGKILL)

    def kill_workers(self) -> None:
        """Kills every worker that is still there."""
        for worker in self.workers:
            worker.signal(signal.SIGKILL)

    # Reaping

    def on_ended(self, pid: int, status: int) -> bool:
        """A child was reaped. Returns whether it was one of the family; reports it if so."""
        if self.workers.by_pid(pid) is None:
            # What its mold said of it was sent before the worker could be reaped here, but may not have been read.
            for mold in self._molds.values():
                for message in mold.channel.receive_all():
                    self._on_mold_message(mold, message)
        worker = self.workers.by_pid(pid)
        if worker is not None:
            self._bury(worker, describe_exit(status))
        elif pid in self._checks:
            self._end_check(self._checks.pop(pid), status)
        elif pid in self._molds:
            self._end_mold(self._molds.pop(pid), status)
        else:
            return False
        return True

    def _bury(self, worker: WorkerChild, status: Message | None) -> None:
        """Reports a worker's end, after all that it had said. pid 0: it was never forked."""
        if status is not None:
            try:
                for message in worker.channel.receive_all():
                    self._on_worker_message(worker, message)
            except ChannelError:
                pass  # it ended in the middle of a line, or had sent rubbish: its end is reported anyway
        self._drop_worker(worker)
        self.workers.remove(worker)
        known = {} if status is None or status.get("signal") != "SIGKILL" else self._explain_kill()
        self._say("exited", worker=worker.number, pid=worker.pid or 0, status=status, **known)
        if worker.pid is not None:
            self._hooks.ended(worker.hooked)

    def _explain_kill(self) -> Message:
        killed = self._oom.explains_kill()
        return {} if killed is None else {"outOfMemory": killed}

    def _end_check(self, check: AppCheck, status: int) -> None:
        self._poller.forget(check.report.fileno())
        self._say(check.event, status=shell_code(status), text=check.finish())
        self._holdings.drop(check.report)

    def _end_mold(self, mold: Mold, status: int) -> None:
        if mold.retired:
            return
        self._let_go(mold.channel)
        exit_status = describe_exit(status)
        if mold.loaded:
            text = (
                f"mold died gen={mold.generation} pid={mold.pid} status={exit_status}; the next worker gets a new one"
            )
            self._say("log", level="warning", text=text)
        else:
            self._say("mold-failed", generation=mold.generation, status=exit_status)
        for number in mold.unborn:
            worker = self.workers.get(number)
            if worker is not None and worker.pid is None:
                self._bury(worker, None)
