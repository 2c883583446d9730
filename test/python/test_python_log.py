"""The logger that the settings ask for, made in processes of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fake_gateway import make_config
from programs import output_of
from test_gunicorn_package import WITHOUT
from tunicorn_worker.gunicorn_logger import Logger
from tunicorn_worker.loggers import drop_handlers
from tunicorn_worker.python_log import load_logger_class, make_again, make_logger, same_class


def test_the_default_class_is_ours() -> None:
    for named in ("gunicorn.glogging.Logger", "simple", None):
        config = make_config(logger_class=named, syslog=False)
        assert not config.has_logger_class
        assert type(make_logger(config)) is Logger
    drop_handlers()


class Mine:
    """The least that a class of the user's is."""

    installed = 0

    def __init__(self, cfg: object) -> None:
        self.cfg = cfg

    @classmethod
    def install(cls) -> None:
        cls.installed += 1


def test_classes_by_name_by_themselves_and_from_a_function() -> None:
    name = f"{__name__}.Mine"
    assert load_logger_class(make_config(logger_class=name)) is Mine
    assert Mine.installed == 1
    assert load_logger_class(make_config(logger_class=Mine)) is Mine
    assert load_logger_class(make_config(logger_class=lambda: Mine)) is Mine
    assert load_logger_class(make_config(logger_class=lambda: name)) is Mine
    assert Mine.installed == 4


@pytest.mark.parametrize("named", ["nope.Nope", f"{__name__}.Nope", "egg:nope#x", "nope"])
def test_a_class_that_is_not_there(named: str) -> None:
    with pytest.raises(RuntimeError, match=f"^class uri '{named}' invalid or not found: \n\n\\[Traceback"):
        make_logger(make_config(logger_class=named))


def test_a_reload() -> None:
    one, other = make_config(logger_class=Mine), make_config(logger_class="gunicorn.glogging.Logger")
    assert same_class(one, make_config(logger_class=Mine))
    assert not same_class(one, other)
    logger = make_logger(one)
    # A class that has neither `setup` nor `reopen_files` goes on as it is.
    assert make_again(logger, one) is logger


DERIVED = """
import sys
sys.path.insert(0, {folder!r})
from fake_gateway import make_config
from tunicorn_worker.python_log import make_logger
log = make_logger(make_config(logger_class="mine.Mine", errorlog="-", loglevel="warning",
                              access_log_format="%(h)s"))
import gunicorn
log.warning("a %s", "b")
print([base.__module__ for base in type(log).__mro__[1:3]], type(log.cfg).__module__, log.cfg.loglevel,
      log.cfg.access_log_format[:5], log.cfg.proc_name)
"""


def test_a_subclass_with_the_package_and_without(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from gunicorn.glogging import Logger\nclass Mine(Logger):\n    pass\n")
    source = DERIVED.format(folder=str(tmp_path)).replace(
        "from fake", f"sys.path.insert(0, {str(Path(__file__).parent)!r})\nfrom fake", 1
    )
    same = "gunicorn.config warning %(h)s app:app\n"
    assert output_of(source) == f"['gunicorn.glogging', 'builtins'] {same}"
    assert output_of(WITHOUT + source) == f"['gunicorn.glogging', 'tunicorn_worker.gunicorn_logger'] {same}"


def test_nobody_else_pays_for_it() -> None:
    """What the nursery imports is in every worker's memory."""
    source = "import json, sys\nimport tunicorn_worker.nursery\nprint(json.dumps(sorted(sys.modules)))\n"
    loaded = json.loads(output_of(source))
    assert "tunicorn_worker.master_log" in loaded
    assert not {"logging.config", "logging.handlers", "tunicorn_worker.python_log"} & set(loaded)
