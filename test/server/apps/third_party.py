"""A worker class as others write them, on nothing but gunicorn.workers.base: one request after the other.

Its signals are those of the base class. `/stay?note=...&gate=...` answers when the file `gate` is there, `/hang` does
not beat any more, `/facts` shows what the class was made with.
"""

from __future__ import annotations

import json
import os
import select
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gunicorn.workers.base import Worker

BEAT_EVERY_S = 0.2


class PlainWorker(Worker):
    ready_to_use = False
    """Set by `setup`."""

    @classmethod
    def setup(cls) -> None:
        cls.ready_to_use = True

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        if cfg.keepalive == 7:
            raise RuntimeError("PlainWorker does not like a keepalive of 7")
        log.debug("checked")

    def run(self) -> None:
        while self.alive:
            self.notify()
            if self.ppid != os.getppid():
                self.log.info("Parent changed, shutting down: %s", self)
                return
            for listener in select.select(self.sockets, [], [], BEAT_EVERY_S)[0]:
                try:
                    client, _ = listener.accept()
                except BlockingIOError:
                    continue
                with client:
                    client.setblocking(True)
                    self.serve(client)

    def serve(self, client: Any) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(65536)
            if not data:
                return
            head += data
        self.nr += 1
        if self.nr >= self.max_requests:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
        target = urlsplit(head.split(b" ")[1].decode())
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        body = self.answer(target.path, query).encode()
        client.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    def answer(self, path: str, query: dict[str, str]) -> str:
        if path == "/stay":
            Path(query["note"]).touch()
            while not Path(query["gate"]).exists():
                time.sleep(0.01)
            return "stayed\n"
        if path == "/hang":
            time.sleep(60)
        if path == "/facts":
            return json.dumps(self.facts())
        return f"plain {os.getpid()}\n"

    def facts(self) -> dict[str, Any]:
        return {
            "setup": self.ready_to_use,
            "timeout": self.timeout,
            "workers": self.cfg.workers,
            "settings": self.cfg.settings["backlog"].value,
            "ssl": bool(self.cfg.is_ssl),
            "env": self.cfg.env,
            "exported": os.environ.get("DIRECT"),
            "parent": self.ppid == os.getppid(),
            "pid": self.pid == os.getpid(),
            "blocking": self.sockets[0].getblocking(),
            "sockets": [str(sock).startswith("http://127.0.0.1:") for sock in self.sockets],
            "wsgi": self.wsgi.__name__,
            "text": str(self) == f"<Worker {os.getpid()}>",
            "booted": self.booted,
            "tmp": self.tmp.last_update() > 0,
        }


def application(environ: Any, start_response: Any) -> Any:
    raise AssertionError("the class answers by itself")
