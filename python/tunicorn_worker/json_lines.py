"""Lines of the error log with `log_format` json, as src/telemetry/json-lines.ts makes them for the other processes."""

from __future__ import annotations

import json
import logging
import time


class JsonFormatter(logging.Formatter):
    """``{"time":"2026-11-21T20:57:56.123Z","log":"error","level":"info","pid":4211,"message":"..."}``; behind these
    `traceback`, where there is one.
    """

    def __init__(self, log: str, pid: int | None = None) -> None:
        """log: `error` or `access`; pid: whose lines these are, when not this process's"""
        super().__init__()
        self._log = log
        self._pid = pid

    def format(self, record: logging.LogRecord) -> str:
        second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{second}.{int(record.created * 1000) % 1000:03d}Z",
            "log": self._log,
            "level": record.levelname.lower(),
            "pid": record.process if self._pid is None else self._pid,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        elif record.exc_text:
            line["traceback"] = record.exc_text
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        # ASCII: a lone surrogate, which only a hostile request can contain, is written as \\udc80.
        return json.dumps(line, separators=(",", ":"))
