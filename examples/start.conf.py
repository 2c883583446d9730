"""The settings of `npm start`: the example hello.py, unless the command line names another application."""

from __future__ import annotations

from pathlib import Path

wsgi_app = "hello:app"
pythonpath = str(Path(__file__).resolve().parent)
