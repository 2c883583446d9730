"""A FastAPI site: validation, dependencies with clean-up, plain functions in threads, uploads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, UploadFile, WebSocket, WebSocketException
from pydantic import BaseModel

app = FastAPI()
log: list[str] = []


class Item(BaseModel):
    name: str
    price: float


async def connection() -> AsyncIterator[str]:
    log.append("open")
    yield "a connection"
    log.append("close")


@app.get("/")
async def home() -> dict[str, str]:
    return {"message": "hello"}


@app.get("/threaded/{number}")
def threaded(number: int) -> dict[str, int]:
    return {"number": number}


@app.post("/items")
async def create(item: Item) -> Item:
    return item


@app.get("/depends")
async def depends(value: Annotated[str, Depends(connection)]) -> str:
    return value


@app.get("/log")
async def show_log() -> list[str]:
    return log


@app.post("/upload")
async def upload(file: UploadFile) -> dict[str, object]:
    return {"name": file.filename, "bytes": len(await file.read())}


@app.get("/background")
async def background(tasks: BackgroundTasks) -> str:
    tasks.add_task(log.append, "background")
    return "ok"


@app.get("/missing")
async def missing() -> None:
    raise HTTPException(404, "no such thing", headers={"X-Reason": "none"})


@app.websocket("/rooms/{number}")
async def room(websocket: WebSocket, number: int, by: Annotated[str, Depends(connection)]) -> None:
    await websocket.accept()
    while True:
        text = await websocket.receive_text()
        if text == "leave":
            raise WebSocketException(4007, "left")
        await websocket.send_text(f"room {number} over {by}: {text}")
