"""Imports the application that ``module:object`` or a Paste Deploy file names; messages are Gunicorn's."""

from __future__ import annotations

import importlib
import keyword
import logging
import os
import sys
import traceback

from tunicorn_worker.errors import AppImportError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tunicorn_worker.config import Config

DEFAULT_OBJECT = "application"
APP_LOAD_ERROR = 4
"""Exit code when the application cannot be used (AppImportError)."""
WORKER_BOOT_ERROR = 3
"""Exit code when anything else fails before the worker is ready."""


def load_application(config: Config) -> Any:
    """Import the application of the settings; it is callable.

    Raises AppImportError for what the user named wrongly, and whatever the import or a factory raises.
    """
    set_import_paths(config)
    if config.paste is not None:
        return load_paste_application(config.app, config.paste_global_conf)
    return import_application(config.app)


def set_import_paths(config: Config) -> None:
    """Put `chdir` and the entries of `pythonpath` first on sys.path, each once: the last one ends up first."""
    paths = [config.chdir]
    if config.pythonpath:
        paths += [os.path.abspath(path) for path in config.pythonpath.split(",")]
    for path in paths:
        if path not in sys.path:
            sys.path.insert(0, path)


def load_paste_application(uri: str, defaults: dict[str, str] | None) -> Any:
    """Load an application with the PasteDeploy package: ``"/srv/app.ini#main"``, ``"config:app.ini"``, ``"egg:name"``.

    Raises ModuleNotFoundError without the package, and what it raises.
    """
    from paste.deploy import loadapp  # type: ignore[import-not-found, unused-ignore]

    if ":" not in uri:
        uri = f"config:{uri}"
    return loadapp(uri, name=None, relative_to=os.getcwd(), global_conf=defaults)


def import_application(uri: str) -> Any:
    """Import ``"app"``, ``"app:name"`` or ``'app:factory("a", flag=True)'``. Raises as `load_application`."""
    module_name, colon, expression = uri.partition(":")
    if not colon:
        expression = DEFAULT_OBJECT
    plain = expression.isidentifier() and not keyword.iskeyword(expression)
    if not plain:
        # Before the user's module can put one of its own in this one's place. Most never need it; it takes 2 ms.
        import ast  # noqa: F401
    module = import_module(module_name, expression)
    name, arguments = (expression, None) if plain else parse_call(expression)
    try:
        application = getattr(module, name)
    except AttributeError:
        if logging.root.level == logging.DEBUG:
            traceback.print_exc()
        raise AppImportError(f"Failed to find attribute {name!r} in {module_name!r}.") from None
    if arguments is not None:
        application = call_factory(application, *arguments)
    if application is None:
        raise AppImportError(f"Failed to find application object: {expression!r}")
    if not callable(application):
        raise AppImportError("Application object must be callable.")
    return application


def import_module(name: str, expression: str) -> Any:
    """Import the module; a file name in its place is explained. Raises ImportError and whatever the module raises."""
    try:
        return importlib.import_module(name)
    except ImportError:
        if name.endswith(".py") and os.path.exists(name):
            stem = name.rsplit(".", 1)[0]
            raise ImportError(f"Failed to find application, did you mean '{stem}:{expression}'?") from None
        raise


def parse_call(expression: str) -> tuple[str, tuple[list[Any], dict[str, Any]] | None]:
    """Split ``'factory("a", flag=True)'`` into its name and arguments; a bare name has None for arguments.

    Raises AppImportError.
    """
    import ast

    try:
        tree = ast.parse(expression, mode="eval").body
    except SyntaxError:
        raise AppImportError(f"Failed to parse {expression!r} as an attribute name or function call.") from None
    if isinstance(tree, ast.Name):
        return tree.id, None
    if not isinstance(tree, ast.Call):
        raise AppImportError(f"Failed to parse {expression!r} as an attribute name or function call.")
    if not isinstance(tree.func, ast.Name):
        raise AppImportError(f"Function reference must be a simple name: {expression!r}")
    try:
        positional = [ast.literal_eval(argument) for argument in tree.args]
        named = {argument.arg: ast.literal_eval(argument.value) for argument in tree.keywords}
    except ValueError:
        raise AppImportError(f"Failed to parse arguments as literal values: {expression!r}") from None
    return tree.func.id, (positional, named)  # type: ignore[return-value]


def call_factory(factory: Any, positional: list[Any], named: dict[str, Any]) -> Any:
    """Call an application factory. Raises AppImportError for wrong arguments, and what the factory raises."""
    try:
        return factory(*positional, **named)
    except TypeError as error:
        if was_entered(factory, error):
            raise
        text = "".join(traceback.format_exception_only(TypeError, error)).strip()
        raise AppImportError(text) from None


def was_entered(function: Any, error: BaseException) -> bool:
    """Tell a call that failed inside the function from one that never got there."""
    code = getattr(function, "__code__", None)
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code is code:
            return True
        step = step.tb_next
    return False


def standard_modules(before: frozenset[str]) -> list[str]:
    """Name the standard-library modules that were imported since `before`, in the order of their import.

    before: ``frozenset(sys.modules)`` taken earlier
    """
    standard = sys.stdlib_module_names
    return [name for name in list(sys.modules) if name not in before and name.partition(".")[0] in standard]
