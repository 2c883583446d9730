"""The worker class ``tornado``: Tornado's own HTTP server on the listening sockets."""

from __future__ import annotations

import os
from typing import Any

try:
    import tornado.httpserver
    import tornado.web
    from tornado.ioloop import IOLoop, PeriodicCallback
    from tornado.wsgi import WSGIContainer
except ImportError:
    raise RuntimeError("You need tornado installed to use this worker.")  # noqa: B904

from gunicorn import __version__
from gunicorn.sock import ssl_context
from gunicorn.workers.base import Worker

LOOK_EVERY_MS = 1000
"""Heartbeat, parent, and the two steps of the stop; as with Gunicorn."""


class TornadoWorker(Worker):
    """A ``tornado.web.Application``, a WSGIContainer, or a WSGI application, which is put into one."""

    _shows_gunicorn = False
    server_alive = False

    @classmethod
    def setup(cls) -> None:
        """Let Tornado's ``Server`` field name Gunicorn as well."""
        if TornadoWorker._shows_gunicorn:
            return
        TornadoWorker._shows_gunicorn = True
        clear = tornado.web.RequestHandler.clear

        def clear_and_name(handler: Any) -> None:
            clear(handler)
            if "Gunicorn" not in handler._headers["Server"]:
                handler._headers["Server"] += f" (Gunicorn/{__version__})"

        handlers: Any = tornado.web.RequestHandler
        handlers.clear = clear_and_name

    def handle_exit(self, sig: int, frame: Any) -> None:
        if self.alive:
            super().handle_exit(sig, frame)

    def handle_request(self) -> None:
        """A connection has ended; max_requests counts those."""
        self.nr += 1
        if self.alive and self.nr >= self.max_requests:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False

    def watchdog(self) -> None:
        if self.alive:
            self.notify()
        if self.ppid != os.getppid():
            self.log.info("Parent changed, shutting down: %s", self)
            self.alive = False

    def heartbeat(self) -> None:
        """After `alive` has become false: first stop accepting, at the next call stop the loop."""
        if self.alive:
            return
        if self.server_alive:
            self.server.stop()
            self.server_alive = False
            return
        for callback in self.callbacks:
            callback.stop()
        self.ioloop.stop()

    def init_process(self) -> None:
        # A loop does not survive a fork.
        IOLoop.clear_current()
        super().init_process()

    def run(self) -> None:
        self.ioloop = IOLoop.current()
        self.alive = True
        if "h2" in self.cfg.http_protocols:
            self.log.warning(
                "HTTP/2 is not supported by the tornado worker."
                " Use gthread, gevent, or asgi workers for HTTP/2 support."
                " Falling back to HTTP/1.1 only."
            )
        self.callbacks = [PeriodicCallback(each, LOOK_EVERY_MS) for each in (self.watchdog, self.heartbeat)]
        for callback in self.callbacks:
            callback.start()
        self.server = self._make_server()
        self.server_alive = True
        for sock in self.sockets:
            sock.setblocking(False)
            self.server.add_socket(sock)
        self.server.no_keep_alive = self.cfg.keepalive <= 0
        self.server.start(num_processes=1)
        self.ioloop.start()

    def _make_server(self) -> Any:
        worker = self

        class CountingServer(tornado.httpserver.HTTPServer):
            def on_close(self, server_conn: Any) -> None:
                worker.handle_request()
                super().on_close(server_conn)

        app = self.wsgi
        if not isinstance(app, (WSGIContainer, tornado.web.Application)):
            app = WSGIContainer(app)
        return CountingServer(app, ssl_options=ssl_context(self.cfg)) if self.cfg.is_ssl else CountingServer(app)
