"""FastAPI's first page, as text."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

application = FastAPI()


@application.get("/", response_class=PlainTextResponse)
async def hello() -> str:
    return "Hello, World!"
