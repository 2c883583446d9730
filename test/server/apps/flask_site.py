"""A small Flask site: forms, an upload, a session, a stream, a static file, an error."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

from flask import Flask, Response, jsonify, redirect, request, send_file, session, url_for

app = Flask(__name__)
app.secret_key = "only for tests"


@app.get("/")
def index() -> str:
    return f"hello {request.args.get('name', 'world')}"


@app.post("/form")
def form() -> Response:
    return jsonify(sorted(request.form.items(multi=True)))


@app.post("/upload")
def upload() -> Response:
    file = request.files["file"]
    content = file.read()
    return jsonify(name=file.filename, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


@app.post("/json")
def as_json() -> Response:
    return jsonify(request.get_json())


@app.get("/visit")
def visit() -> str:
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])


@app.get("/stream")
def stream() -> Response:
    def parts() -> Iterator[str]:
        for number in range(5):
            yield f"part {number}\n"

    return Response(parts(), mimetype="text/plain")


@app.get("/file")
def file() -> Response:
    return send_file(os.path.abspath(__file__), mimetype="text/x-python", conditional=True)


@app.get("/away")
def away() -> object:
    return redirect(url_for("index", _external=True))


@app.get("/fails")
def fails() -> str:
    raise RuntimeError("as asked")
