import assert from "node:assert/strict";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { KINDS, Server, temporaryFolder } from "./harness.ts";

/** What a client sees of a response that breaks in its middle. */
async function endOf(address: number | string, request: string): Promise<{ text: string; end: string }> {
  let text = "";
  let end = "";
  const socket = typeof address === "number" ? connect({ port: address, host: "127.0.0.1" }) : connect({ path: address });
  socket.on("data", (data) => {
    text += data.latin1Slice();
  });
  socket.on("end", () => {
    end ||= "FIN";
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    end ||= error.code ?? "";
  });
  socket.write(request);
  await waitUntil("waiting for the connection's end", () => end !== "");
  socket.destroy();
  return { text, end };
}

const OLD = "GET /breaks-open-ended HTTP/1.0\r\n\r\n";
const CHUNKED = "GET /breaks-open-ended HTTP/1.1\r\nHost: h\r\n\r\n";

for (const kind of KINDS) {
  test(`${kind}: what ends a response that breaks`, async (t) => {
    const server = await Server.start(t, kind, { args: ["cases"] });
    const old = await endOf(server.address, OLD);
    assert.match(old.text, /^HTTP\/1\.0 200 OK\r\n.*\r\n\r\nhalf of it$/s);
    // Gunicorn's client takes the half for the whole.
    assert.equal(old.end, kind === "tunicorn" ? "ECONNRESET" : "FIN");
    const chunked = await endOf(server.address, CHUNKED);
    assert.match(chunked.text, /\r\n\r\nA\r\nhalf of it\r\n$/);
    assert.equal(chunked.end, "FIN");
    const whole = await endOf(server.address, "GET /no-length HTTP/1.0\r\n\r\n");
    assert.deepEqual([whole.text.endsWith("onetwo"), whole.end], [true, "FIN"]);
  });
}

test("a unix socket has no reset: a response that breaks just ends", async (t) => {
  const path = join(temporaryFolder(t), "s");
  const server = await Server.start(t, "tunicorn", { args: ["cases"], bind: `unix:${path}` });
  assert.equal((await endOf(server.address, OLD)).end, "FIN");
});

test("a worker that is killed within a response that only the connection's end delimits: a reset", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "--timeout", "1"] });
  const seen = endOf(server.address, "GET /stalls-open-ended HTTP/1.0\r\n\r\n");
  assert.deepEqual((await seen).end, "ECONNRESET");
});
