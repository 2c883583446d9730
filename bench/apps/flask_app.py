"""Flask's hello."""

from __future__ import annotations

from flask import Flask

application = Flask(__name__)


@application.route("/")
def hello() -> str:
    """Answer in text; Flask calls it text/html."""
    return "Hello, World!"
