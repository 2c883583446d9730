import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { type OpenLoopResult, runOpenLoop } from "../../bench/open-loop.ts";

/** As many as the open loop has clients. */
const CLIENTS = 32;

/** Sends `count` requests, all due at once, every tenth of them slow, to a server that answers with `listener`. */
async function load(count: number, listener: RequestListener): Promise<OpenLoopResult> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const arrivals = Array.from({ length: count }, (_, index) => ({ atMs: 0, slow: index % 10 === 9 }));
  try {
    return await runOpenLoop({ port, arrivals, slowPath: "/slow" });
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

describe("runOpenLoop", () => {
  test("sends each request once and measures the fast ones", async () => {
    const seen: (string | undefined)[] = [];
    const result = await load(100, (request, response) => {
      seen.push(request.url);
      response.setHeader("Content-Length", 2).end("ok");
    });
    assert.equal(seen.filter((url) => url === "/slow").length, 10);
    assert.equal(seen.filter((url) => url === "/").length, 90);
    assert.equal(result.fastUs.length, 90);
    assert.deepEqual(result.failures, []);
  });

  test("connects again where the server closes after each answer", async () => {
    const result = await load(100, (_request, response) => {
      response.setHeader("Connection", "close").setHeader("Content-Length", 2).end("ok");
    });
    assert.equal(result.fastUs.length, 90);
    assert.deepEqual(result.failures, []);
  });

  test("counts the wait for an idle client as the request's own", async () => {
    const holdMs = 100;
    const held: (() => void)[] = [];
    const result = await load(CLIENTS + 8, (_request, response) => {
      held.push(() => response.setHeader("Content-Length", 2).end("ok"));
      if (held.length < CLIENTS) return;
      // All clients are taken: the rest of the requests is due, but can only be sent when these are answered.
      if (held.length === CLIENTS) setTimeout(() => held.forEach((answer) => void answer()), holdMs);
      else held.at(-1)?.();
    });
    assert.equal(result.fastUs.length, 36);
    for (const us of result.fastUs) assert.ok(us >= (holdMs - 10) * 1000, `${us} us`);
  });

  test("says what failed, and measures none of it", async () => {
    const result = await load(50, (request, response) => {
      if (request.url === "/") response.setHeader("Content-Length", 2).end("ok");
      else response.writeHead(503, { "Content-Length": 0 }).end();
    });
    assert.equal(result.fastUs.length, 45);
    assert.deepEqual(result.failures, ["5 of 50 requests failed: status 503"]);
  });

  test("says that connections were cut", async () => {
    const result = await load(50, (request, response) => {
      if (request.url === "/") response.setHeader("Content-Length", 2).end("ok");
      else response.socket?.end("HTTP/1.1 200 OK\r\n");
    });
    assert.equal(result.fastUs.length, 45);
    assert.deepEqual(result.failures, ["5 of 50 requests failed: connection closed before the answer was complete"]);
  });
});
