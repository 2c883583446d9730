"""The check of a worker class before the server starts, in a child of its own: `check-class`."""

from __future__ import annotations

import json
import os

from tunicorn_worker.app_check import FAILED_CODE, write_report
from tunicorn_worker.app_loader import set_import_paths
from tunicorn_worker.exit_status import code_of_system_exit
from tunicorn_worker.gunicorn_config import make_gunicorn_config
from tunicorn_worker.uvicorn_class import describe_uvicorn_class
from tunicorn_worker.worker_class_loader import load_worker_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tunicorn_worker.config import Config


def look_at_direct(config: Config) -> object | None:
    """Find the class and let it look at the settings. Returns what is to be known of a class of uvicorn's.

    Raises RuntimeError, and what the class raises.
    """
    worker_class = load_worker_class(config.worker_class)
    found: object | None = describe_uvicorn_class(worker_class)
    if hasattr(worker_class, "check_config"):
        gunicorn_config = make_gunicorn_config(config)
        worker_class.check_config(gunicorn_config, gunicorn_config.logger_class(gunicorn_config))
    return found


def look_at_fed(config: Config, find_class: Callable[[], object]) -> None:
    """See whether what the class needs is there. Raises RuntimeError."""
    try:
        find_class()
    except RuntimeError as error:
        raise RuntimeError(f"class uri {config.worker_class!r} invalid or not found: \n\n{error}") from error


def check_worker_class(config: Config, look: Callable[[], object | None], report: int) -> int:
    """In the child: look at a class. To the pipe `report` goes what is wrong, or as JSON what `look` has found.

    Returns the exit code, 0 for a class that can be used.
    """
    try:
        # The nursery may still have the settings of before a reload.
        os.environ.update(config.env)
        os.chdir(config.chdir)
        set_import_paths(config)
        found = look()
    except SystemExit as leaving:
        code, text = code_of_system_exit(leaving.code)
    except RuntimeError as error:
        # As Gunicorn: what a class says by this is meant for the user.
        code, text = FAILED_CODE, f"\nError: {error}\n"
    except BaseException:
        from traceback import format_exc

        code, text = FAILED_CODE, format_exc()
    else:
        code, text = 0, "" if found is None else json.dumps(found)
    write_report(report, text)
    return code
