/** What is no frame is in test/server/control-steering.test.ts. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server as NetServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { type Answerer, CONNECTIONS_MAX, ControlServer } from "../../src/arbiter/control-server.ts";
import { ControlClient } from "../../src/client/control-client.ts";
import { ANSWER_BYTES_MAX, controlFrame } from "../../src/wire/control-frames.ts";

async function serve(
  t: TestContext,
  answer: Answerer,
  fault: (error: unknown) => void = (error) => assert.fail(String(error)),
  idleMs?: number,
): Promise<{ path: string; listener: NetServer }> {
  const folder = mkdtempSync(join(tmpdir(), "tunicorn-control-"));
  const path = join(folder, "app.ctl");
  const server = new ControlServer(answer, fault, idleMs);
  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => server.take(socket)).listen(path);
  await once(listener, "listening");
  t.after(() => {
    server.close();
    listener.close();
    rmSync(folder, { recursive: true });
  });
  return { path, listener };
}

const ok = (data: object) => Promise.resolve({ status: "ok" as const, data });

/** Everything until the server closes. */
async function readAll(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += (chunk as Buffer).toString("latin1");
  return text;
}

test("commands of one connection are answered one after the other, those of others meanwhile", async (t) => {
  const waiting: (() => void)[] = [];
  const begun: string[] = [];
  const { path } = await serve(t, async (line) => {
    begun.push(line);
    if (line.startsWith("slow")) await new Promise<void>((fulfil) => waiting.push(fulfil));
    return { status: "ok", data: { line } };
  });
  const socket = connect(path);
  for (const command of ["slow 1", "quick 2"]) socket.write(controlFrame({ command }));
  const other = await ControlClient.connect(path);
  assert.deepEqual(await other.ask("quick 3"), { line: "quick 3" });
  assert.deepEqual(begun.sort(), ["quick 3", "slow 1"]);
  waiting[0]?.();
  assert.deepEqual(await other.ask("quick 4"), { line: "quick 4" });
  socket.end();
  assert.match(await readAll(socket), /slow 1.*quick 2/s);
  other.close();
});

test("a client that leaves before its answer disturbs nobody", async (t) => {
  let left: () => void = () => {};
  const gone = new Promise<void>((fulfil) => {
    left = fulfil;
  });
  const { path } = await serve(t, async (line) => {
    if (line === "late") await gone;
    return { status: "ok", data: {} };
  });
  const socket = connect(path);
  socket.write(controlFrame({ command: "late" }));
  const other = await ControlClient.connect(path);
  await other.ask("wait until the other is in its command");
  socket.destroy();
  await other.ask("wait until that is seen");
  left();
  assert.deepEqual(await other.ask("again"), {});
  other.close();
});

test("a fault ends its connection and is reported, the others are served", async (t) => {
  const faults: unknown[] = [];
  const answer: Answerer = (line) => (line === "fails" ? Promise.reject(new TypeError("a fault")) : ok({}));
  const { path } = await serve(t, answer, (error) => faults.push(error));
  const client = await ControlClient.connect(path);
  await assert.rejects(client.ask("fails"), /Communication error: Connection closed/);
  assert.deepEqual(faults.map(String), ["TypeError: a fault"]);
  const other = await ControlClient.connect(path);
  assert.deepEqual(await other.ask("works"), {});
  other.close();
});

test("an answer that is too long for any client is an error", async (t) => {
  const { path } = await serve(t, () => ok({ text: "x".repeat(ANSWER_BYTES_MAX) }));
  const client = await ControlClient.connect(path);
  await assert.rejects(client.ask("all"), /^ControlClientError: Command failed: a message of \d+ bytes/);
  client.close();
});

test("a client that asks and does not read is let go, as one that says nothing", async (t) => {
  const { path, listener } = await serve(t, () => ok({ text: "x".repeat(4 * 1024 * 1024) }), undefined, 200);
  const asks = connect(path).pause();
  asks.write(controlFrame({ command: "all" }));
  await once(listener, "connection");
  while ((await promisify(listener.getConnections.bind(listener))()) > 0) await sleep(20);
  // What the kernel has taken by now is all that comes.
  let bytes = 0;
  for await (const chunk of asks) bytes += (chunk as Buffer).length;
  assert.ok(bytes < 4 * 1024 * 1024);
});

test("no more connections than there may be; when one goes another may come", async (t) => {
  const { path } = await serve(t, () => ok({}));
  const clients: ControlClient[] = [];
  for (let count = 0; count < CONNECTIONS_MAX; count += 1) {
    const client = await ControlClient.connect(path);
    await client.ask("hello");
    clients.push(client);
  }
  const refused = await ControlClient.connect(path);
  await assert.rejects(refused.ask("hello"), /Communication error: Connection closed/);
  clients.pop()?.close();
  for (let answered = false; !answered; ) {
    const next = await ControlClient.connect(path);
    answered = await next.ask("hello").then(
      () => true,
      () => false,
    );
    next.close();
  }
  for (const client of clients) client.close();
});
