import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { Admission } from "../../src/gateway/admission.ts";
import { addressOf, attempt, bindLoopback } from "./bound-socket.ts";
import { settingsOf } from "./settings-of.ts";
import { until } from "./spool-directory.ts";

const QUIET = { connections: 0, files: 0, queued: 0 };
const FULL = { connections: 1, files: 0, queued: 0 };

/** An admission for one connection at a time, and what it has said. */
function observed(t: TestContext) {
  const seen = { clients: [] as Socket[], listening: 0, resumes: 0, warnings: [] as string[] };
  const admission = new Admission(settingsOf(["--connection-limit", "1"]), {
    onConnection: (socket) => seen.clients.push(socket),
    onListening: () => seen.listening++,
    readsThroughSharedBuffer: () => true,
    resume: () => seen.resumes++,
    warn: (text) => seen.warnings.push(text),
  });
  t.after(() => {
    admission.pause();
    for (const socket of seen.clients) socket.destroy();
  });
  const listen = async () => {
    const bound = bindLoopback(t);
    const before = seen.listening;
    admission.take(addressOf(bound), bound.handle);
    await until(() => seen.listening > before);
    return bound.port;
  };
  return { admission, seen, listen };
}

test("it is full: nobody comes in, until it may listen again", async (t) => {
  const { admission, seen, listen } = observed(t);
  const port = await listen();
  assert.equal(await attempt(t, port), "connected");
  await until(() => seen.clients.length === 1);
  assert.deepEqual([admission.accepted, admission.crowded], [1, false]);
  admission.judge(FULL);
  assert.equal(await attempt(t, port), "ECONNREFUSED");
  assert.deepEqual([admission.crowded, seen.resumes], [true, 0]);
  admission.judge(QUIET);
  assert.deepEqual([admission.crowded, seen.resumes], [false, 1]);
  assert.equal(await attempt(t, await listen()), "connected");
  await until(() => admission.accepted === 2);
});

test("the operator is told that it is full, but not each time", (t) => {
  const { admission, seen } = observed(t);
  for (let round = 0; round < 3; round++) {
    admission.judge(FULL);
    admission.judge(QUIET);
  }
  assert.deepEqual([seen.warnings, seen.resumes], [["accepting paused connections=1 files=0 queued=0"], 3]);
});

test("a listener that comes while it is full is closed at once", async (t) => {
  const { admission, seen } = observed(t);
  admission.judge(FULL);
  const bound = bindLoopback(t);
  admission.take(addressOf(bound), bound.handle);
  let answer = "connected";
  while (answer === "connected" && seen.listening === 0) answer = await attempt(t, bound.port);
  assert.deepEqual([answer, seen.listening], ["ECONNREFUSED", 0]);
});

test("a reload may leave room for more", (t) => {
  const { admission, seen } = observed(t);
  admission.judge(FULL);
  admission.change(settingsOf(["--connection-limit", "10"]));
  admission.judge(FULL);
  assert.equal(seen.resumes, 1);
});

test("stop: those who had connected before come in, nobody does after them", async (t) => {
  const { admission, seen, listen } = observed(t);
  const port = await listen();
  const WAITING = 20;
  const waiting = Array.from({ length: WAITING }, () => attempt(t, port));
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set(["connected"]));
  let done = 0;
  admission.stop(() => done++);
  assert.equal(admission.closed, false);
  await until(() => done > 0);
  assert.deepEqual([admission.closed, admission.accepted, seen.clients.length], [true, WAITING, WAITING]);
  assert.equal(await attempt(t, port), "ECONNREFUSED");
  // What frees a place now is nobody's.
  admission.judge(FULL);
  admission.judge(QUIET);
  assert.deepEqual([seen.resumes, done], [0, 1]);
});
