/** `tunicorn top` in a terminal and without one. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runClient } from "./control.ts";
import { waitUntil } from "./deadline.ts";
import { type Scope, Server, temporaryFolder } from "./harness.ts";
import { holdRequest } from "./held-request.ts";
import { get } from "./http-client.ts";
import { PseudoTerminal } from "./pseudo-terminal.ts";

const LAUNCHER = fileURLToPath(new URL("../../bin/tunicorn", import.meta.url));
const KEYS = /^q quit {2}up\/down worker/;

async function startServer(t: Scope): Promise<{ server: Server; socket: string }> {
  const socket = join(temporaryFolder(t), "control.sock");
  const args = ["cases", "-w", "2", "--threads", "2", "--control-socket", socket, "--log-level", "debug"];
  const server = await Server.start(t, "tunicorn", { args });
  await server.workersReady(2);
  await server.waitForLine(/Control socket listening at/);
  return { server, socket };
}

/** In a shell that has written something before. */
function top(t: Scope, socket: string, env: Readonly<Record<string, string>> = {}): PseudoTerminal {
  const command = `echo before; exec "${LAUNCHER}" top -s "${socket}" --interval 0.2`;
  return new PseudoTerminal(t, ["/bin/sh", "-c", command], env);
}

function assertLeft(terminal: PseudoTerminal): void {
  const { onOtherScreen, cursorShown, lines } = terminal.cells;
  assert.deepEqual({ onOtherScreen, cursorShown, first: lines[0] }, { onOtherScreen: false, cursorShown: true, first: "before" });
}

test("a session: what runs, stacks, another size, a worker recycled, a reload", async (t) => {
  const { server, socket } = await startServer(t);
  const held = await holdRequest(t, server);
  const terminal = top(t, socket);
  await terminal.shows(new RegExp(`s running   ${held.worker}\\s+GET     /stay\\?note=`));
  await terminal.shows(/^cases {2}pid \d+ {2}gthread {2}serving +up \d+s$/);
  await terminal.shows(/^workers 2\/2 ready, forked 2/);
  assert.equal(terminal.cells.lines.length, 24);
  assert.match(terminal.cells.lines[23] ?? "", KEYS);
  const [, first = ""] = await terminal.shows(/^> (\d+) /);
  if (Number(first) !== held.worker) terminal.press("\x1b[B");
  await terminal.shows(new RegExp(`^> ${held.worker} `));
  terminal.press("s");
  await terminal.shows(new RegExp(`^stacks of worker ${held.worker} +1-22 of \\d+$`));
  await terminal.shows(/^Thread gthread-\d/);
  terminal.press("G");
  await terminal.shows(/_epoll\.poll\(/);
  terminal.resize(60, 12);
  await waitUntil("waiting for the smaller screen", () => terminal.cells.lines.length === 12);
  terminal.press("q");
  await terminal.shows(new RegExp(`^> ${held.worker} `));
  await waitUntil("waiting for the keys", () => KEYS.test(terminal.cells.lines[11] ?? ""));
  held.release();
  assert.ok(!((await held.answer) instanceof Error));
  terminal.press("r");
  await terminal.shows(new RegExp(`^recycle worker ${held.worker}\\? y/n$`));
  terminal.press("y");
  await waitUntil("waiting for its end", () => !server.workers().includes(held.worker));
  terminal.press("R");
  await terminal.shows(/^reload the server\? y\/n$/);
  terminal.press("y");
  await terminal.shows(/^reloaded: generation 1 after \d/);
  await terminal.shows(/^generation 1$/);
  await waitUntil("waiting for latencies", async () => {
    await server.exchange(get("/"));
    return terminal.cells.lines.some((line) => /^latency p50 \d/.test(line));
  });
  terminal.press("q");
  assert.deepEqual(await terminal.report(), { code: 0, restored: true });
  assertLeft(terminal);
});

test("every way out leaves the terminal as it was; a server that ends is said", async (t) => {
  const { server, socket } = await startServer(t);
  const [interrupted, ended, suspended, colourless] = [top(t, socket), top(t, socket), top(t, socket), top(t, socket, { NO_COLOR: "1" })];
  for (const terminal of [interrupted, ended, suspended, colourless]) await terminal.shows(KEYS);
  interrupted.press("\x03");
  assert.deepEqual(await interrupted.report(), { code: 0, restored: true });
  assertLeft(interrupted);
  ended.signal("TERM");
  assert.deepEqual(await ended.report(), { code: 143, restored: true });
  assertLeft(ended);
  suspended.press("\x1a");
  assert.deepEqual(await suspended.report(), { stopped: true, restored: true });
  assertLeft(suspended);
  suspended.signal("CONT");
  await suspended.shows(KEYS);
  assert.equal(suspended.cells.onOtherScreen, true);
  server.signal("SIGTERM");
  for (const terminal of [suspended, colourless]) {
    await terminal.shows(/^no news of the server, trying again: /);
    terminal.press("q");
    assert.deepEqual(await terminal.report(), { code: 0, restored: true });
    assertLeft(terminal);
  }
  const isColour = (code: number): boolean => code >= 30;
  assert.deepEqual([[...suspended.cells.codes].some(isColour), [...colourless.cells.codes].some(isColour)], [true, false]);
});

test("without a terminal one page, by either name; and no server is a word", async (t) => {
  const { socket } = await startServer(t);
  for (const args of [
    ["top", "-s", socket],
    ["top", "--once", "--socket", socket],
  ]) {
    const { code, stdout, stderr } = await runClient("tunicornc", args);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^cases {2}pid \d+ {2}gthread {2}serving +up \d+s\nlistening http[^\n]+\n(?:[ -~]*\n)+$/);
    assert.match(stdout, /\nno requests in flight\n$/);
  }
  const lost = await runClient("tunicornc", ["top", "-s", `${socket}.none`]);
  assert.deepEqual([lost.code, lost.stdout], [1, ""]);
  assert.match(lost.stderr, /^Error: Failed to connect to \S+: \[Errno 2\] No such file or directory\n$/);
});
