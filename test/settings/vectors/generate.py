"""Record what Gunicorn 27.0.1 (CPython 3.11) does with settings, for the tests of the settings room.

Run it with the Python of a virtual environment that has gunicorn==27.0.1 installed:

    path/to/venv/bin/python test/settings/vectors/generate.py

It writes the .json files beside it and in test/base/vectors; `npx biome check --write test` formats them.
The result is the same on every run.
"""

from __future__ import annotations

import contextlib
import io
import ipaddress
import json
import os
import random
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inputs import COMMAND_LINES, COMMON_VALUES, SPECIAL_VALUES, STARTS, TELLING_VALUES

HERE = Path(__file__).resolve().parent
BASE_VECTORS = HERE.parent.parent / "base" / "vectors"
SEED = 27

# What the tests pretend the machine is.
ENVIRONMENT = {"HOME": "/home/user", "PATH": os.environ.get("PATH", "")}
APPLICATION_DIRECTORY = "/srv/app"

for variable in list(os.environ):
    if variable not in ("PATH", "LD_LIBRARY_PATH"):
        del os.environ[variable]
os.environ.update(ENVIRONMENT)
os.chdir("/")
sys.argv = ["gunicorn"]

from gunicorn import config, util  # type: ignore[import-untyped]  # noqa: E402  (its import reads the environment and the directory)


def py_value(value: Any) -> Any:
    """Encode a value as docs/internals/channels.md says."""
    if value is None:
        return {"t": "none"}
    if isinstance(value, bool):
        return {"t": "bool", "v": value}
    if isinstance(value, int):
        return {"t": "int", "v": str(int(value))}
    if isinstance(value, float):
        return {"t": "float", "v": repr(value)}
    if isinstance(value, str):
        return {"t": "str", "v": value}
    if isinstance(value, list):
        return {"t": "list", "v": [py_value(item) for item in value]}
    if isinstance(value, tuple):
        return {"t": "tuple", "v": [py_value(item) for item in value]}
    if isinstance(value, dict):
        return {"t": "dict", "v": [[py_value(key), py_value(item)] for key, item in value.items()]}
    encoded = {
        "t": "object",
        "type": type(value).__name__,
        "text": str(value).split(" at 0x")[0],
        "name": getattr(value, "__qualname__", type(value).__name__),
        "callable": callable(value),
    }
    if callable(value) and not isinstance(value, type):
        encoded["arity"] = util.get_arity(value)
    return encoded


def outcome(encode: Callable[[Any], Any], function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    try:
        return {"value": encode(function(*arguments))}
    except Exception as error:  # any error is a result here
        return {"error": str(error)}


def write(path: Path, vectors: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(vectors, list):
        text = "[\n" + ",\n".join(json.dumps(vector) for vector in vectors) + "\n]\n"
    else:
        text = json.dumps(vectors, indent=1) + "\n"
    path.write_text(text)


# --- base ---------------------------------------------------------------------------------------------------------


def record_python_text() -> None:
    texts = [
        "",
        "a",
        "it's",
        'say "x"',
        "both ' and \"",
        "back\\slash",
        "tab\tline\n\r",
        "\x00\x07\x7f",
        "\xa0\xad\xe9",
        "\u2028\u3000",
    ]
    texts += ["\U0001f600", "\U000e0001", "\ue000", "\u0378", "日本"]
    numbers = [
        "0",
        "3",
        " 3 ",
        "+3",
        "-3",
        "1_000",
        "_1",
        "1__0",
        "007",
        "00",
        "0x1F",
        "0X1f",
        "0o17",
        "0b11",
        "0b2",
        "-0x10",
        "",
        " ",
        "1.5",
    ]
    numbers += ["many", "0x", "0_7", "0_0", "1_", "\x1c5\x85", "\ufeff5", "0x_1"]
    spaces = ["  a b\t", "\x1ca\x1f", "\x85a\xa0", "\ufeffa\ufeff", "\u2003a\u3000"]

    def integer(text: str, base: int) -> str | None:
        try:
            return str(int(text, base))
        except ValueError:
            return None

    write(
        BASE_VECTORS / "python-text.json",
        {
            "repr": [[text, repr(text)] for text in texts],
            "int": [[text, base, integer(text, base)] for text in numbers for base in (0, 10)],
            "strip": [[text, text.strip()] for text in spaces],
        },
    )


def record_addresses() -> None:
    texts = [
        "8000",
        "host",
        "HOST:80",
        ":9",
        "",
        "[::1]:5",
        "[::1]",
        "tcp://h:1",
        "tcp://",
        "unix:/p",
        "unix:///p",
        "unix://rel",
        "unix:@x",
    ]
    texts += [
        "unix:\x00abstract",
        "unix:",
        "unix:/a/unix:/b",
        "fd://3",
        "fd://x",
        "fd://",
        "h:port",
        "h:",
        "a:1:2",
        "[::1]:x",
        "h: 80 ",
    ]
    texts += ["127.0.0.1:0", "[2001:DB8::1]:443", "[fe80::1", "localhost:8_0"]
    write(
        BASE_VECTORS / "address.json",
        [{"text": text, **outcome(py_value, util.parse_address, text)} for text in texts],
    )


def record_networks() -> None:
    texts = [
        "127.0.0.1",
        "10.0.0.0/8",
        "10.0.0.1/8",
        "0.0.0.0/0",
        "1.2.3.4/32",
        "1.2.3.4/33",
        "1.2.3",
        "1.2.3.4.5",
        "01.2.3.4",
        "256.1.1.1",
    ]
    texts += [
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/0.255.255.255",
        "10.0.0.1/255.0.0.0",
        "10.0.0.0/255.0.255.0",
        "1.2.3.4/255.255.255.255",
    ]
    texts += [
        "0.0.0.0/0.0.0.0",
        "10.0.0.0/",
        "10.0.0.0/8/8",
        "/8",
        "",
        " ",
        "foo",
        "*",
        "::1",
        "::",
        "::/0",
        "2001:db8::/32",
        "2001:db8::1/32",
    ]
    texts += [
        "2001:DB8:0:0:1::/80",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7",
        "1::2::3",
        ":1",
        "1:",
        "::ffff:10.0.0.1",
        "::ffff:10.0.0.1/96",
    ]
    texts += [
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:8::",
        "12345::",
        "::g",
        "::/129",
        "::/x",
        ":::",
        "1:2:3:4:5:6:1.2.3.4",
        "::1.2.3",
    ]
    texts += ["2001:0:0:1:0:0:0:1/64", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/+8"]
    peers = [
        "127.0.0.1",
        "10.1.2.3",
        "10.0.0.0",
        "11.0.0.0",
        "255.255.255.255",
        "::1",
        "2001:db8:ffff::1",
        "2001:db9::",
        "::ffff:10.1.2.3",
        "",
        "x",
    ]

    def contains(network: str, peer: str) -> bool:
        try:
            return ipaddress.ip_address(peer) in ipaddress.ip_network(network)
        except ValueError:
            return False

    networks = [text for text in texts if "value" in outcome(str, ipaddress.ip_network, text)]
    write(
        BASE_VECTORS / "ip-network.json",
        {
            "parse": [{"text": text, **outcome(str, ipaddress.ip_network, text)} for text in texts],
            "matches": [[network, [peer for peer in peers if contains(network, peer)]] for network in networks],
            "peers": peers,
        },
    )


# --- settings -----------------------------------------------------------------------------------------------------


def record_table() -> None:
    write(
        HERE / "table.json",
        [
            {
                "name": entry.name,
                "section": entry.section,
                "flags": entry.cli or [],
                "metavar": entry.meta,
                "action": entry.action,
                "nargs": entry.nargs,
                "argumentType": entry.type.__name__ if entry.type else None,
                "default": py_value(getattr(entry, "default", None)),
            }
            for entry in config.KNOWN_SETTINGS
        ],
    )


def one(_a: object) -> None:
    """A hook of one parameter."""


def two(_a: object, _b: object) -> None:
    """A hook of two parameters."""


def three(_a: object, _b: object, _c: object) -> None:
    """A hook of three parameters."""


def values_for(name: str, is_hook: bool, is_known: bool) -> list[Any]:
    values = [*(TELLING_VALUES if is_known else COMMON_VALUES), *SPECIAL_VALUES.get(name, [])]
    if is_hook:
        return [*values, one, two, three]
    if name in ("user", "group"):
        # It returns True for True, which then is the number 1; ours says 1 at once.
        return [value for value in values if not isinstance(value, bool)]
    return [*values, int]


def record_validators() -> None:
    vectors = []
    recorded = set()
    for entry in config.KNOWN_SETTINGS:
        is_hook = "Hooks" in entry.section
        validator = entry.validator.__qualname__
        is_known = validator in recorded
        recorded.add(validator)
        for value in values_for(entry.name, is_hook, is_known):
            # A tuple breaks the making of the error text: "not enough arguments for format string". Ours is made.
            if isinstance(value, tuple) and "list_" not in validator:
                continue
            # Gunicorn wraps hooks of three and two parameters in a function of four.
            wraps = entry.name == "post_request" and value in (two, three)
            with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(Warning):
                result = outcome(py_value, entry.validator, value)
            vectors.append(
                {"name": entry.name, "given": py_value(value), **({"value": py_value(value)} if wraps else result)}
            )
    write(HERE / "validators.json", vectors)


def parse_arguments(arguments: list[str]) -> dict[str, Any]:
    parser = config.Config("%(prog)s [OPTIONS] [APP_MODULE]", prog="gunicorn").parser()
    output, errors = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            parsed = vars(parser.parse_args(arguments))
    except SystemExit as exit_:
        return {"status": exit_.code, "stderr": errors.getvalue()}
    words = parsed.pop("args")
    return {"words": words, "values": [[name, py_value(value)] for name, value in parsed.items() if value is not None]}


def record_command_lines() -> None:
    pool = random.Random(SEED)
    flags = [flag for entry in config.KNOWN_SETTINGS for flag in entry.cli or []]

    def random_word() -> str:
        kind = pool.randrange(9)
        flag: str = pool.choice(flags)
        if kind == 0:
            return pool.choice(["app:app", "4", "x", "-1", "--", "", "a b", "-", "0", "-3.5", "=", "-q"])
        if kind == 1 and flag.startswith("--"):
            prefix = flag[: pool.randrange(3, len(flag) + 1)]
            return flag if prefix == "--python" else prefix
        if kind == 2:
            return f"{flag}={pool.choice(['1', '', 'x', 'a=b', '-1'])}"
        if kind == 3:
            return "-" + "".join(pool.choice("wbkDRtcpmhnvx4") for _ in range(pool.randrange(1, 5)))
        if kind in (4, 5, 6):
            return pool.choice(["1", "2", "app:app", "x", "auto"])
        return flag

    arguments = [[], *(shlex.split(line) for line in COMMAND_LINES.strip().splitlines())]
    arguments += [[random_word() for _ in range(pool.randrange(1, 6))] for _ in range(600)]
    write(HERE / "command-lines.json", [{"given": words, **parse_arguments(words)} for words in arguments])


def record_help() -> None:
    vectors = []
    for columns in (20, 44, 60, 80, 133):
        os.environ["COLUMNS"] = str(columns)
        parser = config.Config("%(prog)s [OPTIONS] [APP_MODULE]", prog="gunicorn").parser()
        formatter = parser._get_formatter()
        entries = [
            {"header": formatter._format_action_invocation(action), "text": formatter._expand_help(action)}
            for action in parser._actions
            if action.option_strings
        ]
        vectors.append({"columns": columns, "entries": entries, "output": parser.format_help()})
    del os.environ["COLUMNS"]
    write(HERE / "help.json", vectors)


def record_shell_words() -> None:
    pool = random.Random(SEED)
    lines = [
        "",
        " ",
        "a b",
        "'a b' c",
        '"a \\" b"',
        '"a\\b"',
        "a\\ b",
        "a\\",
        "'a",
        '"a',
        '"a\\',
        "''",
        "a''b",
        "#a",
        "a#b",
        "a\tb\nc\rd",
        "a\x0bb",
    ]
    lines += ["".join(pool.choice("ab \\\"'\n") for _ in range(pool.randrange(1, 12))) for _ in range(400)]
    write(
        HERE / "shell-words.json",
        [{"given": line, **outcome(list, shlex.split, line)} for line in lines],
    )


def record_paths() -> None:
    paths = [
        "",
        ".",
        "..",
        "a",
        "a/",
        "a//b",
        "./a/.",
        "a/..",
        "a/../..",
        "../a",
        "/",
        "//",
        "///",
        "/..",
        "//a/../..",
        "/a/./b/../c/",
        "a/.b/..c",
    ]
    names = ["a.py", "a", ".py", "a.b.pyc", "x.d/a", "..py", "a.", "/x/.a.py", "...", "..a.b"]
    write(
        HERE / "paths.json",
        {
            "normalize": [[path, os.path.normpath(path)] for path in paths],
            "join": [
                [base, path, os.path.join(base, path)] for base in ("", "/", "/a", "/a/") for path in ("", "b", "/b")
            ],
            "extension": [[name, os.path.splitext(name)[1]] for name in names],
        },
    )


def config_values(path: Path) -> list[Any]:
    names: dict[str, Any] = {"__name__": "__config__"}
    exec(compile(path.read_text(), str(path), "exec"), names)  # our own text
    return [[name, py_value(value)] for name, value in names.items() if not name.startswith("__")]


def record_layers() -> None:
    vectors = []
    for case in STARTS:
        with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryDirectory() as libraries:
            # Stands in for the PasteDeploy library: what an application is does not matter here.
            Path(libraries, "paste").mkdir()
            Path(libraries, "paste", "deploy.py").write_text("def loadapp(*_, **__):\n    return print\n")
            files = case["files"]
            for name, text in {"app.py": "app = print\n", **files}.items():
                path = Path(directory, name)
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
            argv = ["--print-config", *shlex.split(case["argv"])]
            done = subprocess.run(
                [Path(sys.executable).with_name("gunicorn"), *argv],
                cwd=directory,
                env={**ENVIRONMENT, "PYTHONPATH": libraries, **case["env"]},
                capture_output=True,
                text=True,
                check=False,
            )
            vectors.append(
                {
                    "argv": argv,
                    "env": case["env"],
                    "files": files,
                    "configs": {
                        name: config_values(Path(directory, name)) for name in files if not name.endswith(".ini")
                    },
                    "status": done.returncode,
                    "stdout": done.stdout.replace(directory, APPLICATION_DIRECTORY),
                    "stderr": done.stderr.replace(directory, APPLICATION_DIRECTORY),
                }
            )
    write(
        HERE / "layers.json",
        {"uid": os.geteuid(), "gid": os.getegid(), "directory": APPLICATION_DIRECTORY, "cases": vectors},
    )


if __name__ == "__main__":
    record_python_text()
    record_addresses()
    record_networks()
    record_table()
    record_validators()
    record_command_lines()
    record_help()
    record_shell_words()
    record_paths()
    record_layers()
