/** What only our control interface does: it tells what runs while nothing answers, waits for reloads, explains settings, recycles. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Controlled, runClient } from "./control.ts";
import { waitUntil } from "./deadline.ts";
import { Server, temporaryFolder } from "./harness.ts";
import { holdRequest } from "./held-request.ts";
import { get } from "./http-client.ts";

const INFO_LEVEL = `
import logging

def application(environ, start_response):
    logging.getLogger("gunicorn.error").debug("debug line of the application")
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
`;
const BROKEN = "raise RuntimeError('cannot be imported')\n";

interface Steered {
  readonly server: Server;
  readonly folder: string;
  readonly control: Controlled;
}

async function start(t: TestContext, args: readonly string[], application = "cases:application"): Promise<Steered> {
  const folder = temporaryFolder(t);
  const path = join(folder, "app.ctl");
  writeFileSync(join(folder, "shop.py"), INFO_LEVEL);
  const paths = application.startsWith("shop") ? { cwd: folder } : {};
  const server = await Server.start(t, "tunicorn", {
    args: ["--control-socket", path, "--no-warm-imports", ...args, application],
    ...paths,
  });
  await server.waitForLine(/Control socket listening/);
  return { server, folder, control: new Controlled(path) };
}

test("it answers while every worker is stuck, requests wait, and the gateway is stopped", async (t) => {
  const { server, control } = await start(t, ["-w", "1"]);
  const held = await holdRequest(t, server);
  const waiting = await Promise.all([1, 2, 3].map(async () => await server.connect()));
  for (const client of waiting) {
    t.after(() => client.close());
    client.send(get("/waits"));
  }
  const top = await control.until("show top", ({ queue }) => queue.length === 3);
  const [worker] = top.workers;
  assert.deepEqual([worker.pid, worker.in_flight, worker.requests, worker.state], [held.worker, 1, 0, "ready"]);
  assert.ok(worker.last_heartbeat >= 0 && worker.rss_bytes > 1e6 && worker.pss_bytes > 1e5 && worker.pss_bytes <= worker.rss_bytes);
  assert.deepEqual([top.connections.open, top.requests.length, top.more_requests, top.server.state], [4, 4, 0, "serving"]);
  const [running, ...queued] = top.requests;
  assert.deepEqual([running.method, running.path.slice(0, 6), running.state, running.pid], ["GET", "/stay?", "running", held.worker]);
  for (const each of queued) {
    assert.deepEqual([each.method, each.path, each.state, each.pid], ["GET", "/waits", "queued", null]);
    assert.ok(each.seconds <= running.seconds);
  }
  const shown = (await control.run("show requests")).stdout;
  assert.match(shown, /running +\d+ +GET +\/stay\?[^\n]*\n[^\n]*queued +- +GET +\/waits$/m);
  assert.equal((await control.ask(`show worker ${held.worker}`)).requests_in_flight.length, 1);
  assert.match((await control.run(`stacks ${held.worker}`)).stdout, /, line \d+,? in stay$/m);
  assert.match((await control.run("show worker 1")).stderr, /^Error: Worker 1 not found$/m);

  const gateway = server.gateway()!;
  process.kill(gateway, "SIGSTOP");
  t.after(() => process.kill(gateway, "SIGCONT"));
  const silent = await control.ask("show top");
  assert.deepEqual([silent.queue.silent_gateways, silent.workers[0].in_flight, silent.workers[0].pid], [[gateway], null, held.worker]);
  assert.match((await control.run("show requests")).stdout, new RegExp(`^no answer from gateway ${gateway}$`, "m"));
  process.kill(gateway, "SIGCONT");
  held.release();
  await held.answer;
  await control.until("show top", ({ counters, queue }) => counters.requests === 4 && queue.length === 0);
});

test("reload --wait answers when it is done, or with the traceback; explain and log know where a value comes from", async (t) => {
  const { server, folder, control } = await start(t, ["-w", "2"], "shop:application");
  const done = await control.ask("reload --wait");
  assert.deepEqual([done.status, done.generation, done.workers], ["reloaded", 1, 2]);
  const { workers } = await control.ask("show workers");
  assert.deepEqual(
    workers.map(({ generation, booted }: Record<string, unknown>) => [generation, booted]),
    [
      [1, true],
      [1, true],
    ],
  );

  writeFileSync(join(folder, "shop.py"), BROKEN);
  const failed = await control.run("reload --wait");
  assert.deepEqual([failed.code, failed.stdout], [1, ""]);
  assert.match(
    failed.stderr,
    /^Error: reload withdrawn, the old workers keep serving gen=2 serving=1\nTraceback \(most recent call last\):\n/,
  );
  assert.match(failed.stderr, /shop\.py", line 1, in <module>\n.*\nRuntimeError: cannot be imported\n$/);
  assert.equal((await control.ask("show top")).reload.withdrawn, "the old workers keep serving gen=2 serving=1");
  assert.equal((await control.ask("show exits")).exits[0].reason, "did not boot");

  writeFileSync(join(folder, "shop.py"), INFO_LEVEL);
  await control.ask("reload --wait");
  assert.match((await control.run("explain workers")).stdout, /^workers = 2\n {2}from: command line\n {2}default: 1\n/);
  assert.equal((await control.ask("explain --timeout")).origin, "default");
  assert.deepEqual(await control.ask("log debug"), { level: "debug", previous: "info" });
  assert.equal((await control.ask("explain loglevel")).origin, "control socket");
  // The workers that run, the gateway and the master: all of them.
  await waitUntil("waiting for a debug line", async () => {
    await server.exchange(get("/"));
    return server.countLines(/\[DEBUG\] debug line of the application/) > 0;
  });
  await control.ask("reload --wait");
  assert.equal((await control.ask("explain loglevel")).value, "info");
});

test("a preloaded application that cannot be imported: reload --wait has its traceback", async (t) => {
  const { server, folder, control } = await start(t, ["-w", "1", "--preload", "--log-level", "debug"], "shop:application");
  // A HUP before any worker was ready would find nothing to fall back to.
  await server.workersReady(1);
  writeFileSync(join(folder, "shop.py"), BROKEN);
  const failed = await control.run("reload --wait");
  assert.match(failed.stderr, /RuntimeError: cannot be imported\n$/);
  const { workers } = await control.ask("show workers");
  assert.equal(workers[0].generation, 0);
});

test("recycle replaces one worker, the next one first; stopped by drain, it finishes", async (t) => {
  const { server, control } = await start(t, ["-w", "2", "--log-level", "debug"]);
  await server.workersReady(2);
  const [{ pid }, { pid: other }] = (await control.ask("show workers")).workers;
  assert.deepEqual(await control.ask(`recycle ${pid}`), { recycling: pid });
  const { workers } = await control.until("show workers", (data) => data.workers.every((each: { pid: number }) => each.pid !== pid));
  assert.equal(workers[0].pid, other);
  const { exits } = await control.until("show exits", ({ count }) => count === 1);
  assert.deepEqual([exits[0].pid, exits[0].reason, exits[0].status], [pid, "replaced", "code=0"]);
  assert.match(exits[0].detail, /^worker recycled, replacing it worker=1 /);
  assert.match((await control.run("recycle 1")).stderr, /^Error: Worker 1 not found$/m);

  const held = await holdRequest(t, server);
  assert.deepEqual(await control.ask("drain"), { status: "draining" });
  held.release();
  const answer = await held.answer;
  assert.ok(!(answer instanceof Error) && answer.status === 200);
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
});

test("what is no frame ends its connection, and the server serves the others", async (t) => {
  const { control } = await start(t, ["-w", "1"]);
  const frame = (text: string): Buffer => {
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  /** Sends, and reads until the server closes or the client has all it wants. */
  const sends = (bytes: Buffer, half = true): Promise<string> =>
    new Promise((fulfil, reject) => {
      let text = "";
      const socket = connect({ path: control.path, allowHalfOpen: true });
      socket.on("data", (chunk) => (text += chunk.toString("latin1").replace(/^[^{]*/, "")));
      socket
        .on("error", reject)
        .on("close", () => fulfil(text))
        .on("end", () => socket.end());
      if (half) socket.end(bytes);
      else socket.write(bytes);
    });
  const closed = ["{", "[]", "null", '"help"', '{"command": 3}', "\u00ff", ""];
  for (const text of closed) assert.equal(await sends(frame(text), false), "", text);
  assert.equal(await sends(Buffer.from([0xff, 0xff, 0xff, 0xff]), false), "");
  assert.equal(await sends(Buffer.from([0, 1, 0, 1]), false), "");
  const empty = '{"id":13,"status":"error","error":"Empty command"}';
  assert.equal(await sends(frame('{"id": 13, "command": "  "}')), empty);
  // A client that has said all it wanted still gets its answer, and several commands are answered in their order.
  const both = Buffer.concat([frame('{"id": "a", "command": "dirty add"}'), frame('{"command": "bogus", "args": [1, null]}')]);
  const [first, second] = (await sends(both)).split(/(?<=\})[^{}]*(?=\{"id")/);
  assert.equal(first, '{"id":"a","status":"ok","data":{"success":false,"error":"Dirty arbiter not running"}}');
  assert.equal(second?.replace(/^[^{]*/, ""), '{"id":0,"status":"error","error":"Invalid argument: Unknown command: bogus"}');
  const { code } = await runClient("gunicornc", ["-s", control.path, "-c", "show stats"]);
  assert.equal(code, 0);
});
