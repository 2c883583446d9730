"""The small site of the framework tests in Quart, with its lifespan hooks and a background task."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator

from quart import Quart, Response, g, jsonify, request, send_file, session

app = Quart(__name__)
app.secret_key = "only for tests"
done: list[str] = []


@app.before_serving
async def prepare() -> None:
    done.append("serving")


@app.before_request
async def mark() -> None:
    g.mark = request.path


@app.get("/")
async def index() -> str:
    return f"hello {request.args.get('name', 'world')}"


@app.post("/form")
async def form() -> Response:
    return jsonify(sorted((await request.form).items(multi=True)))


@app.post("/upload")
async def upload() -> Response:
    file = (await request.files)["file"]
    content = file.read()
    return jsonify(name=file.filename, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


@app.get("/visit")
async def visit() -> str:
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])


@app.get("/stream")
async def stream() -> Response:
    async def parts() -> AsyncIterator[str]:
        for number in range(5):
            yield f"part {number}\n"

    return Response(parts(), mimetype="text/plain")


@app.get("/file")
async def file() -> Response:
    return await send_file(os.path.abspath(__file__), mimetype="text/x-python", conditional=True)


@app.get("/background")
async def background() -> str:
    async def work() -> None:
        done.append("background")

    app.add_background_task(work)
    return "accepted"


@app.get("/done")
async def show_done() -> Response:
    return jsonify(done, g.mark)


@app.get("/fails")
async def fails() -> str:
    raise RuntimeError("as asked")
