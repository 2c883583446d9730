"""A Tornado application, for the worker class tornado."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import tornado.web


class Home(tornado.web.RequestHandler):
    def get(self) -> None:
        self.write(f"tornado {os.getpid()}\n")


class Echo(tornado.web.RequestHandler):
    def post(self) -> None:
        self.write(self.request.body)


class Stay(tornado.web.RequestHandler):
    """Answers when the file `gate` is there; says by the file `note` that it waits."""

    async def get(self) -> None:
        Path(self.get_argument("note")).touch()
        while not Path(self.get_argument("gate")).exists():
            await asyncio.sleep(0.01)
        self.write("stayed\n")


class Hang(tornado.web.RequestHandler):
    """Blocks the loop: no heartbeat any more."""

    def get(self) -> None:
        time.sleep(60)


app = tornado.web.Application([("/", Home), ("/echo", Echo), ("/stay", Stay), ("/hang", Hang)])
