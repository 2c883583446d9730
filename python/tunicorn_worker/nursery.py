"""The root nursery: makes the sockets, runs the configuration, forks molds and workers, starts the gateway. It
never decides.

It carries out the arbiter's commands (channels.md §1) one by one and reports what happens to its children.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager, suppress
from time import monotonic

from tunicorn_worker.app_loader import set_import_paths
from tunicorn_worker.backlog_watch import BacklogWatch
from tunicorn_worker.children import Orphans
from tunicorn_worker.config import Config
from tunicorn_worker.config_file import run_config
from tunicorn_worker.exit_status import describe_exit
from tunicorn_worker.family import Family
from tunicorn_worker.forking import Forker
from tunicorn_worker.gateways import Gateways
from tunicorn_worker.gunicorn_package import fallback_offered
from tunicorn_worker.heartbeats import Heartbeats
from tunicorn_worker.linux import become_subreaper
from tunicorn_worker.listener_set import ListenerSet
from tunicorn_worker.loggers import Loggers
from tunicorn_worker.master_hooks import MasterHooks
from tunicorn_worker.master_log import MasterLog
from tunicorn_worker.memory_watch import MemoryWatch
from tunicorn_worker.node_ipc import NodeChannel
from tunicorn_worker.poller import Poller
from tunicorn_worker.pre_exec import PreExec
from tunicorn_worker.process_title import PREDECESSOR_VARIABLE, set_process_title, title_name
from tunicorn_worker.stacks_watch import StacksWatch
from tunicorn_worker.statsd import statsd_of
from tunicorn_worker.surroundings import Environment, give_back_variables, make_log_file
from tunicorn_worker.warm_imports import warm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tunicorn_worker.children import WorkerChild
    from tunicorn_worker.descriptors import Holdings
    from tunicorn_worker.gateway_process import GatewayProcess
    from tunicorn_worker.group_signals import GroupSignals
    from tunicorn_worker.line_channel import Message
    from tunicorn_worker.statsd import Statsd
    from tunicorn_worker.worker_code import WorkerCode

    Command = Callable[[Message, int | None], None]

LIFELINE_FD = 4
SEE_OFF_S = 1.0


class Nursery:
    """One process's worth of state. `run` is its life."""

    def __init__(
        self,
        arbiter: NodeChannel,
        holdings: Holdings,
        signals: GroupSignals,
        code: WorkerCode,
        *,
        open_files: int | None,
        lifeline_fd: int = LIFELINE_FD,
        early_gateway: GatewayProcess | None = None,
    ) -> None:
        """open_files: the soft limit that children get back, see Forker.
        early_gateway: one that was started already; the first `gateway` command takes it.
        """
        self._arbiter = arbiter
        self._holdings = holdings
        self._signals = signals
        self._poller = Poller()
        self._hooks = MasterHooks(self._say, signals)
        self._log = MasterLog()
        forker = Forker(holdings, signals, open_files)
        self._gateways = Gateways(self._poller, holdings, self._say, self._log, early_gateway)
        self._family = Family(
            code,
            forker,
            holdings,
            self._poller,
            self._say,
            self._equip,
            self._hooks,
            self._hand_over,
            lifeline_fd,
        )
        self._pre_exec = PreExec(self._hooks, forker, self._say)
        self._heartbeats = Heartbeats(self._family, self._say)
        self._memory = MemoryWatch(self._family, self._say)
        self._stacks = StacksWatch(self._family, self._say)
        self._orphans = Orphans(self._poller, holdings, self._report_orphan)
        self._listeners = ListenerSet(holdings, self._say)
        self._backlog = BacklogWatch(self._listeners, self._say)
        self._statsd: Statsd | None = None
        self._lifeline_fd = lifeline_fd
        # Before any raw_env: what the user sets for the application is not for the gateway.
        self._first_environment = dict(os.environ)
        give_back_variables()
        self._environment = Environment()
        self._config: Config | None = None
        self._launch_directory = os.getcwd()
        self._runs: dict[int, dict[str, object]] = {}
        """The live objects of each run of the configuration that may still be needed, by its number."""
        self._settled = False
        self._leaving = False
        self._commands: dict[str, Command] = {
            "run-config": self._run_config,
            "settings": self._apply_settings,
            "check-app": lambda _, __: self._family.check_application(self._require_config()),
            "check-class": lambda command, _: self._family.check_worker_class(self._read_settings(command["settings"])),
            "make-ssl-context": lambda command, _: self._family.make_ssl_context(
                self._read_settings(command["settings"])
            ),
            "inherit": lambda command, descriptor: self._listeners.inherit(int(command["fd"]), descriptor),
            "bind": self._bind,
            "unlisten": lambda _, __: self._listeners.close(),
            "hook": lambda command, _: self._hooks.call(command["hook"], command.get("count"), command.get("before")),
            "pre-exec": lambda _, __: self._pre_exec.begin(),
            "gateway": self._start_gateway,
            "no-gateway": lambda _, __: self._gateways.refuse(),
            "promoted": lambda _, __: self._promote(),
            "listen-again": lambda command, _: self._gateways.listen(self._listeners.all, int(command["gateway"])),
            "adopt": self._adopt,
            "adopted": self._end_adoption,
            "fork": self._fork_worker,
            "stop": lambda command, _: self._stop_worker(command["worker"]),
            "dismiss": self._dismiss_worker,
            "quit": self._quit_worker,
            "abort": lambda command, _: self._signal_worker(command["worker"], signal.SIGABRT),
            "kill": lambda command, _: self._signal_worker(command["worker"], signal.SIGKILL),
            "interrupt": lambda command, _: self._signal_worker(command["worker"], signal.SIGUSR2),
            "stacks": lambda command, _: self._stacks.ask(command["worker"], command["ask"], command.get("request", 0)),
            "reopen-logs": lambda _, __: self._reopen_logs(),
            "log-level": lambda command, _: self._set_log_level(command["level"]),
            "log": lambda command, _: self._log.write(command["level"], command["text"], command["pid"]),
            "warm": lambda command, _: warm(command["modules"]),
            "metrics": lambda command, _: self._send_metrics(command["datagrams"]),
            "ping": lambda _, __: self._say("pong"),
            "exit": lambda _, __: self._leave(),
        }

    def run(self) -> int:
        """Serves until the arbiter says `exit` or is gone; returns the exit code. Raises ForkedChild in every child."""
        os.set_inheritable(self._lifeline_fd, False)
        self._poller.watch_channel(self._arbiter, self._hear_arbiter)
        self._poller.watch(self._lifeline_fd, self._leave)  # nothing is ever sent on it: readable means ended
        self._signals.watch_children(self._poller, self._reap)
        while not self._leaving:
            self._poller.wait(self._look_every_ms())
            self._orphans.look()
            self._heartbeats.look()
            self._memory.look()
            self._stacks.look()
            self._backlog.look()
            if self._settled:
                self._forward_signals()
            elif self._family.settled:
                self._settle()
        self._family.kill_idle()
        self._pre_exec.kill()
        self._see_off()
        self._holdings.close_all()
        return 0

    def _see_off(self) -> None:
        """Waits a little for workers to see the end of their lifeline; one inside the application does not look."""
        self._poller.forget(self._lifeline_fd)
        self._poller.forget(self._arbiter.fileno())
        deadline = monotonic() + SEE_OFF_S
        self._family.stop_direct()
        while (self._family.workers or self._orphans) and (left := deadline - monotonic()) > 0:
            self._poller.wait(min(int(left * 1000) + 1, self._orphans.look_every_ms or 1000))
            self._orphans.look()
        self._family.kill_workers()
        self._orphans.kill_all()

    def _look_every_ms(self) -> int | None:
        periods = (
            self._orphans.look_every_ms,
            self._heartbeats.look_every_ms,
            self._memory.look_every_ms,
            self._stacks.look_every_ms,
            self._backlog.look_every_ms,
            self._signals.look_every_ms if self._settled else None,
        )
        return min((period for period in periods if period is not None), default=None)

    def _settle(self) -> None:
        """What would have held up the first worker: it needs ctypes, and packages of the user's."""
        self._settled = True
        become_subreaper()
        self._signals.watch_senders(self._poller, self._forward_signals)
        self._show_title()

    def _leave(self) -> None:
        self._leaving = True

    def _hear_arbiter(self) -> None:
        for command, descriptor in self._arbiter.receive():
            name = str(command.get("cmd"))
            try:
                if name not in self._commands:
                    raise ValueError(f"the nursery has no command {name!r}")
                self._commands[name](command, descriptor)
            except Exception as error:
                text = (
                    str(error)
                    if isinstance(error, (OSError, RuntimeError, ValueError))
                    else f"{type(error).__name__}: {error}"
                )
                about = {field: command.get(field) for field in ("worker", "gateway")}
                self._say("failed", cmd=name, text=text, **about)
        if self._arbiter.ended:
            self._leave()

    def _say(self, event: str, descriptor: int | None = None, /, **fields: object) -> None:
        self._arbiter.send({"ev": event, **fields}, descriptor)

    # Configuration and settings

    def _run_config(self, command: Message, _: int | None) -> None:
        with self._signals.unblocked(), fallback_offered(), self._environment.of_the_start(), self._at_the_start():
            outcome = run_config(command["kind"], command["location"], command["names"])
        if outcome.status == "ok":
            self._runs[command["run"]] = outcome.values
        self._arbiter.send(outcome.as_message())

    @contextmanager
    def _at_the_start(self) -> Iterator[None]:
        """In the directory of the start, whatever `chdir` says: a configuration that is run again reads what it read
        first.
        """
        before = os.getcwd()
        with suppress(OSError):  # it may be gone
            os.chdir(self._launch_directory)
        try:
            yield
        finally:
            os.chdir(before)

    def _read_settings(self, command: Message) -> Config:
        return Config.from_command(command, self._runs.get(command["run"]))

    def _apply_settings(self, command: Message, _: int | None) -> None:
        config = self._read_settings(command)
        # All that can fail comes first: after a reload that is refused the settings of before still count.
        variables = {"SERVER_SOFTWARE": config.server_software, **config.env}
        os.chdir(config.chdir)
        make_log_file(config.errorlog)
        make_log_file(config.accesslog)
        set_import_paths(config)
        self._log.configure(config)
        self._hooks.configure(config, self._listeners.own)
        self._environment.apply(variables)
        self._config = config
        for run in [run for run in self._runs if run not in (command["run"], *command["keep"])]:
            del self._runs[run]
        self._heartbeats.timeout_s = config.timeout
        self._memory.configure(config)
        # No handler of ours is here that would write it; the gateway, which sends most, says so too.
        self._statsd = statsd_of(config, tells=False)
        self._backlog.configure(config, self._statsd)
        if self._settled:
            self._show_title()

    def _send_metrics(self, datagrams: list[str]) -> None:
        """The master's own: Node knows no unix datagrams."""
        if self._statsd is not None:
            for datagram in datagrams:
                self._statsd.send_whole(datagram)

    def _set_log_level(self, level: str) -> None:
        Loggers().set_level(level)
        self._family.set_log_level(level)

    def _reopen_logs(self) -> None:
        self._log.reopen()
        self._hooks.reopen_logs()
        self._family.reopen_logs()

    def _show_title(self) -> None:
        if self._config is not None:
            set_process_title(f"{self._config.title_prefix}nursery [{title_name(self._config.proc_name)}]")

    def _require_config(self) -> Config:
        if self._config is None:
            raise RuntimeError("no settings have been sent yet")
        return self._config

    def _promote(self) -> None:
        """The master that had started ours is gone: what is forked from now on is as that of any other master."""
        for environment in (os.environ, self._first_environment):
            environment.pop(PREDECESSOR_VARIABLE, None)
        self._hooks.promote()
        self._family.promote_molds()
        if self._settled:
            self._show_title()

    # Listening sockets

    def _bind(self, command: Message, _: int | None) -> None:
        if not self._listeners.bind(command, self._config):
            return
        self._hooks.listen(self._listeners.own)
        if not command.get("hold"):
            # A gateway that was started before the settings were read is waiting for them.
            self._gateways.listen(self._listeners.all)

    # The gateways

    def _start_gateway(self, command: Message, _: int | None) -> None:
        fed = [worker for worker in self._family.workers if worker.pid is not None and worker.heartbeat is None]
        self._gateways.start(command, self._first_environment, self._listeners.all, fed)

    def _equip(self, worker: WorkerChild) -> None:
        """Gives a worker that has just been born what it serves with."""
        if worker.heartbeat is None:
            self._gateways.link(worker)
            return
        worker.channel.send({"cmd": "heartbeat"}, [worker.heartbeat.fileno()])
        for listener in self._listeners.own:
            worker.channel.send({"cmd": "listener", **listener.describe()}, [listener.fileno()])
        worker.channel.send({"cmd": "begin", "parent": os.getpid()})

    def _hand_over(self, worker: WorkerChild, gateway: int, stream: int, descriptor: int) -> None:
        self._gateways.hand_over(worker.way, gateway, stream, descriptor)

    # Taking over from a nursery that is gone

    def _adopt(self, command: Message, descriptor: int | None) -> None:
        if descriptor is None:
            raise RuntimeError("adopt came without a descriptor")
        what = command["what"]
        if what == "listener":
            self._listeners.adopt(descriptor, command)
        elif what == "gateway-channel":
            self._gateways.adopt_channel(int(command["gateway"]), int(command["pid"]), descriptor)
        elif what == "parked":
            self._gateways.adopt_tickets(int(command["gateway"]), descriptor)
        else:
            os.close(descriptor)
            raise ValueError(f"cannot adopt {what!r}")

    def _end_adoption(self, command: Message, _: int | None) -> None:
        self._gateways.park()
        for number, pid in command["workers"]:
            self._orphans.watch(number, pid)
        self._say("adopted")

    def _report_orphan(self, number: int, pid: int) -> None:
        self._say("exited", worker=number, pid=pid, status=None)
        self._hooks.orphan_ended(number, pid)

    # Children

    def _fork_worker(self, command: Message, _: int | None) -> None:
        generation = int(command["generation"])
        self._family.fork_worker(
            int(command["worker"]),
            self._require_config(),
            generation=generation,
            preload=bool(command["preload"]),
            report_modules=bool(command.get("report_modules", False)),
        )

    def _stop_worker(self, number: int) -> None:
        worker = self._family.workers.get(number)
        if worker is not None:
            self._family.stop(worker)
        else:
            self._orphans.signal(number, signal.SIGTERM)

    def _dismiss_worker(self, command: Message, _: int | None) -> None:
        worker = self._family.workers.get(command["worker"])
        if worker is not None:
            self._family.dismiss(worker)
        else:
            self._orphans.signal(command["worker"], signal.SIGTERM)

    def _quit_worker(self, command: Message, _: int | None) -> None:
        self._family.tell(command["worker"], "quit")
        self._signal_worker(command["worker"], signal.SIGQUIT)

    def _signal_worker(self, number: int, signal_number: signal.Signals) -> None:
        worker = self._family.workers.get(number)
        if worker is not None:
            self._family.signal(worker, signal_number)
        else:
            self._orphans.signal(number, signal_number)

    def _forward_signals(self) -> None:
        for name, sender in self._signals.take():
            if self._family.has_sent(sender):
                self._say("forward-signal", signal=name)

    def _reap(self) -> None:
        if self._settled:
            # First, while the sender is still known by its pid.
            self._forward_signals()
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self._gateways.reaped(pid):
                self._say("gateway-exited", pid=pid, status=describe_exit(status))
            elif not (self._pre_exec.on_ended(pid, status) or self._family.on_ended(pid, status)):
                self._say("unknown-child", pid=pid, status=describe_exit(status))
