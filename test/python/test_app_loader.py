"""Loading applications: what works, and Gunicorn's text for what does not."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fake_gateway import make_config
from tunicorn_worker.app_loader import import_application, load_application, standard_modules
from tunicorn_worker.errors import AppImportError

SOURCE = """
def application(environ, start_response): return "default"
def app(environ, start_response): return "named"
def factory(a="x", flag=False):
    return lambda environ, start_response: (a, flag)
def broken(): raise TypeError("inside")
nothing = None
number = 1
def gives_none(): return None
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "shop.py").write_text(SOURCE)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    sys.path.insert(0, str(tmp_path))
    yield tmp_path
    sys.modules.pop("shop", None)


@pytest.mark.parametrize(
    ("uri", "answer"),
    [
        ("shop", "default"),
        ("shop:app", "named"),
        ("shop:factory()", ("x", False)),
        ('shop:factory("a", flag=True)', ("a", True)),
        ("shop:factory( [1, {2: None}] )", ([1, {2: None}], False)),
    ],
)
def test_loads(uri: str, answer: Any) -> None:
    assert import_application(uri)(None, None) == answer


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("shop:nosuch", "Failed to find attribute 'nosuch' in 'shop'."),
        ("shop:nothing", "Failed to find application object: 'nothing'"),
        ("shop:gives_none()", "Failed to find application object: 'gives_none()'"),
        ("shop:number", "Application object must be callable."),
        ("shop:ns.app", "Failed to parse 'ns.app' as an attribute name or function call."),
        ("shop:", "Failed to parse '' as an attribute name or function call."),
        ("shop:1+", "Failed to parse '1+' as an attribute name or function call."),
        ("shop:None", "Failed to parse 'None' as an attribute name or function call."),
        ("shop:ns.app()", "Function reference must be a simple name: 'ns.app()'"),
        ("shop:factory(os)", "Failed to parse arguments as literal values: 'factory(os)'"),
        ("shop:factory(1, 2, 3)", "TypeError: factory() takes from 0 to 2 positional arguments but 3 were given"),
    ],
)
def test_explains(uri: str, text: str) -> None:
    with pytest.raises(AppImportError) as caught:
        import_application(uri)
    assert str(caught.value) == text


def test_error_inside_a_factory_is_the_users() -> None:
    with pytest.raises(TypeError, match=r"^inside$"):
        import_application("shop:broken()")


@pytest.mark.parametrize(("uri", "hint"), [("shop.py", "shop:application"), ("shop.py:app", "shop:app")])
def test_file_name_in_place_of_a_module(uri: str, hint: str) -> None:
    with pytest.raises(ImportError, match=f"^Failed to find application, did you mean '{hint}'\\?$"):
        import_application(uri)


def test_missing_module() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'nosuchmod'$"):
        import_application("nosuchmod:app")


def test_import_paths(project: Path) -> None:
    config = make_config("shop", chdir=str(project), pythonpath="one,/two,one")
    load_application(config)
    load_application(config)
    assert sys.path[:3] == ["/two", str(project / "one"), str(project)]
    assert sys.path.count("/two") == 1


@pytest.mark.parametrize(("uri", "asked"), [("/srv/a.ini#x", "config:/srv/a.ini#x"), ("egg:shop", "egg:shop")])
def test_paste_deploy(uri: str, asked: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy: Any = types.ModuleType("paste.deploy")
    deploy.loadapp = lambda uri, **more: (uri, more)
    monkeypatch.setitem(sys.modules, "paste", types.ModuleType("paste"))
    monkeypatch.setitem(sys.modules, "paste.deploy", deploy)
    config = make_config(uri, paste="a.ini", raw_paste_global_conf=["debug=1"], chdir=str(project))
    more = {"name": None, "relative_to": str(project), "global_conf": {"debug": "1"}}
    assert load_application(config) == (asked, more)


def test_standard_modules_names_only_those() -> None:
    before = frozenset(sys.modules) - {"json.decoder", "pytest"}
    assert standard_modules(before) == ["json.decoder"]
