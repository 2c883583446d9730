"""Each in a process of its own. The tests' environment has the gunicorn package: without its folder it is hidden."""

from __future__ import annotations

from programs import output_of

WITHOUT = "import sys\nsys.path = [entry for entry in sys.path if 'site-packages' not in entry]\n"


def test_the_environments_own_package_comes_first() -> None:
    program = """
from tunicorn_worker.gunicorn_package import offer_fallback, is_fallback
offer_fallback()
import gunicorn.http
print(is_fallback())
"""
    assert output_of(program) == "False\n"


def test_the_fallback_is_found_where_it_is_offered_only() -> None:
    program = """
from tunicorn_worker.gunicorn_package import fallback_offered, is_fallback, offer_fallback
def attempt(name):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        return error.name
    return "found"
print(attempt("gunicorn"))
with fallback_offered():
    print(attempt("gunicorn"), attempt("nosuchmodule"), is_fallback())
del sys.modules["gunicorn"]
print(attempt("gunicorn"))
offer_fallback()
offer_fallback()
print(attempt("gunicorn.workers.base"), attempt("gunicorn.workers.sync"), is_fallback())
print(any("gunicorn_fallback" in entry for entry in sys.path))
"""
    assert output_of(WITHOUT + program).splitlines() == [
        "gunicorn",
        "found nosuchmodule True",
        "gunicorn",
        "found gunicorn.workers.sync True",
        "False",
    ]
