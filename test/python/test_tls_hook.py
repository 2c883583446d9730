from __future__ import annotations

import json
import os
import ssl
from pathlib import Path
from typing import Any

import pytest

from certificates import certificate_file
from fake_gateway import make_config
from tunicorn_worker.tls_hook import report_ssl_context

SERVER, KEY, CA = (certificate_file(name) for name in ("server.pem", "server.key", "ca.pem"))
VALUES: dict[str, Any] = {
    "certfile": SERVER,
    "keyfile": KEY,
    "ca_certs": None,
    "cert_reqs": 0,
    "ciphers": None,
    "http_protocols": ["h1"],
    "chdir": str(Path(SERVER).parent),
    "pythonpath": None,
    "raw_env": [],
}


def report(hook: Any, **values: Any) -> tuple[int, str]:
    config = make_config(**{**VALUES, **values, "ssl_context": hook})
    reader, writer = os.pipe()
    code = report_ssl_context(config, writer)
    os.close(writer)
    with open(reader, "rb") as told:
        return code, told.read().decode()


@pytest.fixture(autouse=True)
def _stay_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])


def test_the_factory_is_gunicorns() -> None:
    hook = lambda config, factory: factory()  # noqa: E731
    code, text = report(hook, ca_certs=CA, cert_reqs=2, ciphers="ECDHE+AESGCM", http_protocols=["h2", "h1"])
    terms = json.loads(text)
    assert code == 0
    assert terms["chains"] == [{"cert": SERVER, "key": KEY, "password": None}]
    assert terms["authorities"] == [{"file": CA}]
    assert (terms["verifyMode"], terms["ciphers"], terms["protocols"]) == (2, "ECDHE+AESGCM", ["h2", "http/1.1"])
    assert json.loads(report(hook)[1])["protocols"] is None


def test_the_hook_gets_the_settings_and_runs_where_workers_do() -> None:
    seen: list[Any] = []

    def hook(config: Any, factory: Any) -> ssl.SSLContext:
        seen.extend([config.certfile, config.is_ssl, os.getcwd(), os.environ["OF_THE_HOOK"]])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("other.pem", "other.key")
        return context

    code, text = report(hook, raw_env=["OF_THE_HOOK=yes"])
    assert (code, seen) == (0, [SERVER, True, str(Path(SERVER).parent), "yes"])
    assert json.loads(text)["chains"] == [
        {"cert": certificate_file("other.pem"), "key": certificate_file("other.key"), "password": None}
    ]


def test_a_hook_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hooks_of_tls.py").write_text("def make(config, factory): return factory()")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert report("hooks_of_tls.make")[0] == 0


def leave(*_: Any) -> None:
    raise SystemExit("no")


def break_off(*_: Any) -> None:
    raise KeyError("broken")


@pytest.mark.parametrize(
    ("hook", "code", "text"),
    [
        (lambda config, factory: None, 1, "hook ssl_context: it returned None, which is no ssl.SSLContext"),
        (lambda config, factory: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), 1, "hook ssl_context: its context has no"),
        (break_off, 1, "hook ssl_context failed\nTraceback"),
        (leave, 1, "hook ssl_context has left the program: no"),
        ("no.such.hook", 1, "hook ssl_context failed\nTraceback"),
    ],
)
def test_what_goes_wrong_is_told(hook: Any, code: int, text: str) -> None:
    told = report(hook)
    assert (told[0], told[1][: len(text)]) == (code, text)
