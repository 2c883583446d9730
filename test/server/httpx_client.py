"""The package httpx as a client of HTTP/2: many requests at once, and a large body. Prints what it was answered."""

from __future__ import annotations

import asyncio
import ssl
import sys

import httpx

REQUESTS = 60
BODY = bytes(range(256)) * 4096


async def main(port: str, ca: str) -> None:
    trust = ssl.create_default_context(cafile=ca)
    limits = httpx.Limits(max_connections=1)
    base = f"https://localhost:{port}"
    async with httpx.AsyncClient(http2=True, verify=trust, limits=limits, base_url=base, timeout=60) as client:
        first = await client.get("/")
        answers = await asyncio.gather(*(client.get("/") for _ in range(REQUESTS)))
        same = sum(answer.text == first.text and answer.http_version == "HTTP/2" for answer in answers)
        echoed = await client.post("/echo", content=BODY)
        print(first.http_version, first.status_code, repr(first.text), same, echoed.content == BODY)


asyncio.run(main(*sys.argv[1:3]))
