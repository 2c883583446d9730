"""A Flask application (pip install flask). Run it with: tunicorn --chdir examples flask_app:app"""

from __future__ import annotations

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

app = Flask(__name__)


@app.get("/")
def hello() -> ResponseReturnValue:
    """Greet whoever ``?name=`` names, in plain text."""
    return f"Hello, {request.args.get('name', 'World')}!\n", 200, {"Content-Type": "text/plain; charset=utf-8"}


@app.post("/echo")
def echo() -> ResponseReturnValue:
    """Send the JSON of the request back, with its size."""
    return jsonify(received=request.get_json(), bytes=request.content_length)
