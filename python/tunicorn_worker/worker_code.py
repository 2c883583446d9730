"""What the nursery's forked children run. The nursery itself knows nothing of applications."""

from __future__ import annotations

from functools import partial

from tunicorn_worker.app_interface import load_served
from tunicorn_worker.app_loader import APP_LOAD_ERROR, WORKER_BOOT_ERROR, load_application
from tunicorn_worker.class_check import check_worker_class, look_at_direct, look_at_fed
from tunicorn_worker.config import DIRECT
from tunicorn_worker.direct_worker import DirectWorker
from tunicorn_worker.errors import AppImportError
from tunicorn_worker.exit_status import code_of_system_exit
from tunicorn_worker.gthread_worker import ThreadWorker
from tunicorn_worker.loggers import Loggers
from tunicorn_worker.sync_worker import SyncWorker
from tunicorn_worker.worker_life import WorkerLife

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Protocol

    from tunicorn_worker.config import Config
    from tunicorn_worker.hook_server import Inherited
    from tunicorn_worker.worker_life import Worker

    class WorkerCode(Protocol):
        """The seam between the nursery and the workers; tests put simpler workers behind it."""

        def load_application(self, config: Config) -> object:
            """Imports the application and returns it. Raises whatever its import raises, SystemExit included."""

        def check_worker_class(self, config: Config, report: int) -> int:
            """Looks at the worker class, in a child. Returns its exit code; a text goes to the pipe `report`."""

        def report_ssl_context(self, config: Config, report: int) -> int:
            """Calls the hook ssl_context, in a child. Returns its exit code; what came of it goes to `report`."""

        def log_load_failure(self, config: Config, error: BaseException) -> int:
            """Writes the error log's lines about an import that failed in a mold; returns the mold's exit code."""

        def count_lanes(self, config: Config) -> int:
            """How many requests a worker serves at once, each over a channel of its own."""

        def run_worker(
            self,
            *,
            number: int,
            control: socket.socket,
            lifeline_fd: int,
            config: Config,
            application: object,
            report_modules: bool,
            hooks: Inherited | None,
        ) -> int:
            """A worker's whole life; returns its exit code. `application` is None when the worker has to load it."""


def load_asgi_worker() -> type[Worker]:
    """Blocking workers never import asyncio."""
    from tunicorn_worker.asgi_worker import AsgiWorker

    return AsgiWorker


def load_gevent_worker() -> Callable[..., Worker]:
    """Patches the standard library: to be called in a worker, or a mold, before the application is imported."""
    from tunicorn_worker.green_library import Gevent
    from tunicorn_worker.green_worker import GreenWorker

    return partial(GreenWorker, Gevent())


def load_eventlet_worker() -> Callable[..., Worker]:
    """As `load_gevent_worker`."""
    from tunicorn_worker.green_library import Eventlet
    from tunicorn_worker.green_worker import GreenWorker

    return partial(GreenWorker, Eventlet())


WORKER_CLASSES: dict[str, Callable[[], Callable[..., Worker]]] = {
    "sync": lambda: SyncWorker,
    "gthread": lambda: ThreadWorker,
    "asgi": load_asgi_worker,
    "gevent": load_gevent_worker,
    "eventlet": load_eventlet_worker,
}
"""Those that the gateway feeds, by the name that the arbiter has found for the setting worker_class
(src/settings/worker-class.ts)."""
GREEN = ("gevent", "eventlet")
"""Those that patch the standard library."""


def find_class(config: Config) -> Callable[..., Worker]:
    """Import what this class of workers needs. To be called before user code can put a module of its own in the place
    of one of them.
    """
    if config.worker_kind == "gthread" and config.request_timeout:
        import ctypes  # noqa: F401 - for ThreadExceptions; most workers do without it
    return WORKER_CLASSES[config.worker_kind]()


class ServingCode:
    """Workers of the kind that the configuration names."""

    def load_application(self, config: Config) -> object:
        if config.worker_kind == DIRECT:
            # Its class knows best which applications it takes.
            direct: object = load_application(config)
            return direct
        find_class(config)
        served: object = load_served(config)
        return served

    def check_worker_class(self, config: Config, report: int) -> int:
        if config.worker_kind == DIRECT:
            return check_worker_class(config, lambda: look_at_direct(config), report)
        return check_worker_class(config, lambda: look_at_fed(config, WORKER_CLASSES[config.worker_kind]), report)

    def report_ssl_context(self, config: Config, report: int) -> int:
        # Only here is the module ssl needed.
        from tunicorn_worker.tls_hook import report_ssl_context

        return report_ssl_context(config, report)

    def log_load_failure(self, config: Config, error: BaseException) -> int:
        """The exit codes are those of a worker that cannot boot."""
        if isinstance(error, SystemExit):
            return code_of_system_exit(error.code)[0]
        loggers = Loggers()
        loggers.set_up(config)
        if isinstance(error, AppImportError):
            loggers.error.error("%s", error)
            return APP_LOAD_ERROR
        loggers.error.error("Exception while loading the application", exc_info=error)
        return WORKER_BOOT_ERROR

    def count_lanes(self, config: Config) -> int:
        if config.worker_kind != "gthread":
            return 1
        # The main thread has a channel of its own, where it hears what became of requests.
        return max(1, int(config.threads)) + config.access_in_python

    def run_worker(
        self,
        *,
        number: int,
        control: socket.socket,
        lifeline_fd: int,
        config: Config,
        application: object,
        report_modules: bool,
        hooks: Inherited | None,
    ) -> int:
        if config.worker_kind == DIRECT:
            worker = DirectWorker(number=number, control=control, lifeline_fd=lifeline_fd, config=config, hooks=hooks)
            worker.live(application, report_modules=report_modules)
        # What the nursery had imported for its workers would be there before it is patched.
        report_modules = report_modules and config.worker_kind not in GREEN
        life = WorkerLife(
            lambda: find_class(config),
            number=number,
            control=control,
            lifeline_fd=lifeline_fd,
            config=config,
            hooks=hooks,
        )
        life.live(application, report_modules=report_modules)
