"""What generate.py feeds to Gunicorn: values, command lines, whole starts."""

from __future__ import annotations

from typing import Any

# For one setting of each validator.
COMMON_VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    3,
    2147483648,
    1.5,
    "",
    " x ",
    "3",
    "-1",
    "0x10",
    "010",
    "many",
    "true",
    " False ",
    "yes",
    [],
    ["a", " b "],
    [1],
    (),
    ("a",),
    {},
    {"a": "b"},
    {1: 2.0},
]

# Enough to see that a setting has the right validator, once that validator has been recorded in full.
TELLING_VALUES: list[Any] = [None, True, 3, -1, "x", "3", "", [], ["a"], {}]

SPECIAL_VALUES: dict[str, list[Any]] = {
    "chdir": [".", "/", "/nope", "nope", "..", "/../."],
    "user": ["0", "12", "nosuchuser"],
    "group": ["0", "12", "nosuchgroup"],
    "reload_engine": ["auto", "poll", "inotify", " auto", "AUTO"],
    "reload_extra_files": ["/", ["/", "/nope"], "/nope/*", ["/[x"]],
    "statsd_host": ["host:9", "HOST", "unix:8125", "unix:///p", "unix:/p", "host:port", "fd://3", ":1", "[::1]:2"],
    "proxy_protocol": ["off", "OFF", "v1", "V2", "auto", "none", "0", "1", " true ", "v3"],
    "forwarded_allow_ips": [
        "127.0.0.1",
        "*",
        "10.0.0.0/8, ::1",
        "foo",
        "10.0.0.1/8",
        "127.0.0.1,,::1",
        "127.0.0.1, ,::1",
    ],
    "forwarder_headers": ["A,B", " A , B ", "A,,B", "A, ,B"],
    "header_map": ["drop", "REFUSE", " dangerous ", "x"],
    "http_protocols": ["h1", "h2,h1", " H2 , h1 ", "h3", "h1,h1", ",", "h1,,h2"],
    "http2_cleartext": ["off", "Both", "upgrade", " prior-knowledge", "x"],
    "http2_max_concurrent_streams": ["1", "0"],
    "http2_initial_window_size": ["2147483647", 4294967296],
    "http2_max_frame_size": [16384, 16777215, 16777216, "16384", 16383],
    "asgi_loop": ["auto", "UVLOOP", "asyncio ", "x"],
    "asgi_lifespan": ["auto", "On", "off", "X"],
    "http_parser": ["auto", "Fast", "python", "x"],
    "ssl_version": [2, "2"],
    "umask": ["0o22", "022"],
}

# One command line in each line, quoted as for a shell.
COMMAND_LINES = """

app:app
app:app -w 4
-w 4 app:app
-w4
-w=4
--workers=4 app:app x y
app:app -w 2 x
--wor 3
--worker-cl gthread
--work
--nosuch
-w
-w abc
-w -1
-w -- 4
-- app:app
app:app -- -w 4
--preload=x
--preload
--prel app:app
-DR
-DRw4
-Dw
-Dx
-D=
-Dw=4
-b a -b b
--bind=a -bb
-e A=1 -e B=2
--proxy-protocol app:app
--proxy-protocol
--proxy-protocol=v1 app:app
app:app --proxy-protocol
--proxy-protocol -w 2
-m 022
-m 0o22
-m 0x12
-m 18
-m x
-m 09
--umask=-1
-w -1.5
-w -.5
-w -x
--no-sendfile
--no-send
--no
--paste a
--paster b
--past c
-
-w -
-h
-w abc -h
-h -w abc
--vers
-v
-vh
-Dh
--access
--access-logf x
--log-file x
--log
--help=1
-w 1 -w 2
--control-socket-mode 0660
--name=
--name= x
-n ''
--limit-request-field_size 1
--limit-request-field-size 1
-c a -c b
--config=
app:app --workers
--reload --reload
'-n x y'
'-z y'
'--na me'
--threads 1_0
--threads ' 7'
--threads 0x1
--cert-reqs x
--timeout=
-t ''
--= x
--
-- --
a -- b
-w 1 -- -- b
--dirty-app a --dirty-app=b
"""

CONF = "gunicorn.conf.py"
PASTE_PLAIN = "[app:main]\nuse = egg:x\n"
PASTE_LOGGERS = PASTE_PLAIN + "[loggers]\nkeys = root\n"


def start(argv: str, /, *, env: dict[str, str] | None = None, files: dict[str, str] | None = None) -> dict[str, Any]:
    return {"argv": argv, "env": env or {}, "files": files or {}}


STARTS = [
    start("app:app"),
    start(""),
    start("", files={CONF: "wsgi_app = 'app:app'"}),
    start("app:app", files={CONF: "workers = 3\nbind = ':1'\nx = 1\nWORKERS = 9\nname = 'ignored'"}),
    start("-w 5 app:app", env={"WEB_CONCURRENCY": "7", "GUNICORN_CMD_ARGS": "-w 4 -b x"}, files={CONF: "workers = 3"}),
    start(
        "app:app",
        env={"WEB_CONCURRENCY": "7", "GUNICORN_CMD_ARGS": "-w 4 -b x ignored:app"},
        files={CONF: "workers = 3"},
    ),
    start("app:app", env={"WEB_CONCURRENCY": "7"}, files={CONF: "workers = 3"}),
    start("app:app", env={"WEB_CONCURRENCY": "7", "PORT": "81", "FORWARDED_ALLOW_IPS": "*"}),
    start("app:app", env={"WEB_CONCURRENCY": "-1"}),
    start("--help", env={"FORWARDED_ALLOW_IPS": "foo"}),
    start("-b a -b b app:app", files={CONF: "bind = ['c', 'd']"}),
    start("app:app", env={"GUNICORN_CMD_ARGS": "--name 'my app' --umask 022"}),
    start("app:app", env={"GUNICORN_CMD_ARGS": "--name 'my"}),
    start("app:app", env={"GUNICORN_CMD_ARGS": "--nosuch"}),
    start("app:app", env={"GUNICORN_CMD_ARGS": "-c other.py"}, files={"other.py": "workers = 2", CONF: "workers = 9"}),
    start(
        "-c file:third.py app:app",
        env={"GUNICORN_CMD_ARGS": "-c other.py"},
        files={"other.py": "", "third.py": "workers = 3"},
    ),
    start("-c python:mod app:app", files={"mod.py": "workers = 6", CONF: "workers = 9"}),
    start("-c nope.py app:app"),
    start("-c file:nope.py app:app"),
    start("-c conf app:app", files={"conf": "workers = 6"}),
    start("-c conf.txt app:app", files={"conf.txt": "workers = -6"}),
    start("app:app", files={CONF: "timeout = 1.5"}),
    start("app:app", files={CONF: "workers = None"}),
    start("app:app", files={CONF: "workers = '3'\nreload = 'yes'"}),
    start("app:app", files={CONF: "import sys as syslog"}),
    start("app:app", files={CONF: "forwarded_allow_ips = ['127.0.0.1']"}),
    start(
        "app:app",
        files={
            CONF: "def on_starting(server):\n  pass\nbind = 'a,b'\nraw_env = ('A=1',)\nlogconfig_dict = {'version': 1}"
        },
    ),
    start(
        "app:app",
        files={CONF: "statsd_host = 'localhost'\nsendfile = True\nreload = None\nuser = None\nproxy_protocol = True"},
    ),
    start(
        "app:app",
        files={CONF: "class MyWorker:\n    pass\nworker_class = MyWorker\nsecure_scheme_headers = {'A': 'b'}"},
    ),
    start("app:app", files={CONF: "default_proc_name = 'mine'\nconfig = 'x'\ncheck_config = True"}),
    start("-w -1 app:app"),
    start("--forwarded-allow-ips 10.0.0.1/8 app:app"),
    start("--chdir nope app:app"),
    start("--chdir sub app", files={"sub/app.py": "application = print"}),
    start("--chdir sub app", files={"sub/app.py": "application = print", "sub/gunicorn.conf.py": "workers = 9"}),
    start("--http-protocols h1 --certfile x --keyfile y app:app"),
    start("--http-protocols h9 --ssl-version 3 app:app"),
    start("--ssl-version 3 --worker-tmp-dir /x app:app"),
    start("--paste nope.ini"),
    start("--paste 'app.ini#main'", files={"app.ini": PASTE_PLAIN}),
    start("--paste app.ini x:y", files={"app.ini": PASTE_LOGGERS}),
    start("-t 5 --user 12 --group 13 --statsd-host h:1 --log-level debug --no-sendfile --proxy-protocol auto app:app"),
    start("--control-socket /x --control-socket-mode 0660 --reload-engine foo app:app"),
    start("app:app", env={"XDG_RUNTIME_DIR": "/"}),
    start("app:app", env={"HOME": "/home/user/"}),
]
