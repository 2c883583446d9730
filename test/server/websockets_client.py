"""The package websockets as a client: echoes of all sizes, with or without compression. Prints what was agreed."""

from __future__ import annotations

import asyncio
import random
import sys

from websockets.asyncio.client import connect

SIZES = (0, 1, 125, 126, 1023, 1024, 5000, 65535, 65536, 70_000, 300_000)


async def main(port: str, compression: str) -> None:
    rng = random.Random(7)
    chosen = compression if compression != "none" else None
    url = f"ws://127.0.0.1:{port}/echo"
    async with connect(url, compression=chosen, max_size=None, subprotocols=None) as client:
        for size in SIZES:
            words = " ".join(rng.choice(("alpha", "bêta", "γάμμα")) for _ in range(size))[:size]
            for message in (words, rng.randbytes(size), [words[: size // 2], words[size // 2 :]]):
                await client.send(message)
                expected = "".join(message) if isinstance(message, list) else message
                answer = await client.recv()
                if answer != expected:
                    raise SystemExit(f"{size}: {answer[:50]!r} instead of {expected[:50]!r}")
        for number in range(500):
            await client.send(f"{number} " * (number % 300))
        for number in range(500):
            if await client.recv() != f"{number} " * (number % 300):
                raise SystemExit(f"message {number} is another")
        await (await client.ping(b"there?"))
        agreed = [extension.name for extension in client.protocol.extensions]
        await client.close(4000, "done")
        print(agreed, client.close_code, client.close_reason)


asyncio.run(main(*sys.argv[1:3]))
