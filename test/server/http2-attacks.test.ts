/** Attacks by HTTP/2 on whole servers: what each may cost the gateway at most, what it is told, and what the log has of it. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { block, cutFrames, data, frame, GET, HELLO, headers, POST, rstStream, settings, windowUpdate } from "../protocol/http2/frames.ts";
import { withDeadline } from "./deadline.ts";
import { type Scope, Server } from "./harness.ts";
import { ask, openSession } from "./http2-client.ts";
import { watchMemory } from "./peak-memory.ts";

const MIB = 1024 * 1024;
const [DATA, HEADERS, PING, GOAWAY, CONTINUATION] = [0, 1, 6, 7, 9];
const END_STREAM = 1;
const END_HEADERS = 4;
const [FLOW_CONTROL_ERROR, ENHANCE_YOUR_CALM] = [3, 11];
/** Of the gateway, for one attack that its client ends only when it is stopped: a hundredth of it is usual. */
const CPU_MS_MAX = 3_000;
/** What V8 keeps of garbage; the attacks themselves hold a few hundred KiB. */
const GROWTH_BYTES_MAX = 64 * MIB;
/** An attacker that is not stopped after so much is not stopped at all. */
const ATTACK_BYTES_MAX = 32 * MIB;
/** Of /proc: USER_HZ. */
const TICK_MS = 10;

const cleanUps: (() => Promise<void> | void)[] = [];
const scope: Scope = { after: (cleanUp) => void cleanUps.unshift(cleanUp) };
let server: Server;

before(async () => {
  const args = ["cases", "-w", "1", "--http-protocols", "h2,h1", "--http2-cleartext", "prior-knowledge", "--body-timeout", "0"];
  server = await Server.start(scope, "tunicorn", { args });
});

after(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
});

function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
    .replace(/^.*\) /s, "")
    .split(" ");
  // utime and stime, the 14th and 15th of all.
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

interface Attack {
  readonly name: string;
  readonly before?: readonly Buffer[];
  /** Number `i` of the attack. */
  readonly turn: (i: number) => Buffer;
  /** An attack that is served: it ends after so many turns, with these frames. */
  readonly turns?: number;
  readonly behind?: readonly Buffer[];
  /** Of the GOAWAY; undefined: there is none. */
  readonly code: number | undefined;
  /** Lines of the log, one for the connection; none for what is served. */
  readonly lines: readonly RegExp[];
}

const streamOf = (i: number) => 2 * i + 1;
const upload = (id: number) => headers(id, POST_ECHO, { endStream: false });
const POST_ECHO = [...POST.filter(([name]) => name !== ":path"), [":path", "/echo"]] as [string, string][];
const IDLE = /more than 1000 frames without content in a short time$/;
const CANCELLED = /more than 200 streams cancelled or refused in a short time$/;
/** One entry of the table, thousands of times: a few KiB that would be tens of megabytes. */
const BOMB = Buffer.concat([block(GET), Buffer.from("4001617fa11e", "hex"), Buffer.alloc(4000, "x"), Buffer.alloc(12_000, 0xbe)]);
/** Bytes of each of a hundred uploads, each byte in a frame of its own. */
const TINY_UPLOAD_BYTES = 2_000;

const ATTACKS: readonly Attack[] = [
  {
    name: "rapid reset",
    turn: (i) => Buffer.concat([headers(streamOf(i)), rstStream(streamOf(i))]),
    code: ENHANCE_YOUR_CALM,
    lines: [CANCELLED],
  },
  {
    name: "CONTINUATION flood",
    before: [frame(HEADERS, 0, 1, block(GET))],
    turn: () => frame(CONTINUATION, 0, 1, block([["a", "b"]])),
    code: ENHANCE_YOUR_CALM,
    lines: [/header block of more than 64 frames$|CONTINUATION/],
  },
  { name: "SETTINGS flood", turn: () => settings({ initialWindowSize: 65535 }), code: ENHANCE_YOUR_CALM, lines: [IDLE] },
  { name: "PING flood", turn: () => frame(PING, 0, 0, 8), code: ENHANCE_YOUR_CALM, lines: [IDLE] },
  { name: "empty DATA", before: [upload(1)], turn: () => data(1, ""), code: ENHANCE_YOUR_CALM, lines: [IDLE] },
  {
    name: "header bombs",
    turn: (i) => frame(HEADERS, END_HEADERS | END_STREAM, streamOf(i), BOMB),
    code: ENHANCE_YOUR_CALM,
    lines: [/limit request headers fields size$/, CANCELLED],
  },
  {
    name: "windows opened by a byte each time",
    before: [settings({ initialWindowSize: 0 }), headers(1, GET)],
    turn: () => windowUpdate(0, 1),
    code: ENHANCE_YOUR_CALM,
    lines: [/more than 1000 WINDOW_UPDATE frames in a short time$/],
  },
  {
    name: "a window beyond what there is",
    turn: () => windowUpdate(0, 2 ** 31 - 1),
    code: FLOW_CONTROL_ERROR,
    lines: [/window/],
  },
  {
    name: "a hundred uploads in frames of one byte",
    before: [windowUpdate(0, MIB), ...Array.from({ length: 100 }, (_, i) => upload(streamOf(i)))],
    turn: () => Buffer.concat(Array.from({ length: 100 }, (_, i) => data(streamOf(i), "x"))),
    turns: TINY_UPLOAD_BYTES,
    behind: Array.from({ length: 100 }, (_, i) => data(streamOf(i), "", true)),
    code: undefined,
    lines: [],
  },
];

/** Attacks until the connection ends, or the attack does. @returns what the server has sent. */
async function attack({ before = [], turn, turns = Number.POSITIVE_INFINITY, behind = [] }: Attack): Promise<Buffer> {
  const socket = connect({ port: Number(server.address), host: "127.0.0.1", allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk)).on("error", () => {});
  const ended = withDeadline<void>("waiting for the server to end the connection", (resolve) => {
    socket.on("end", () => resolve()).on("close", () => resolve());
  });
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  socket.write(Buffer.concat([HELLO, ...before]));
  const batch = 100;
  for (let i = 0; i < turns && !isOver; i += batch) {
    assert.ok(socket.bytesWritten < ATTACK_BYTES_MAX, "the attack is never ended");
    const pieces = Array.from({ length: Math.min(batch, turns - i) }, (_, each) => turn(i + each));
    const isTaken = socket.write(Buffer.concat(pieces));
    await new Promise<void>((resolve) => (isTaken ? setImmediate(resolve) : socket.once("drain", resolve).once("close", resolve)));
  }
  if (Number.isFinite(turns)) socket.write(Buffer.concat([...behind, frame(GOAWAY, 0, 0, 8)]));
  await ended;
  socket.destroy();
  return Buffer.concat(chunks);
}

for (const each of ATTACKS) {
  test(`${each.name}: little time, little memory, a line in the log, and nobody else notices`, async (t) => {
    const gateway = server.gateway() ?? assert.fail();
    const from = server.lines.length;
    const [growth, cpuBefore] = [watchMemory(server), cpuMs(gateway)];
    const { frames } = cutFrames(await attack(each));
    const last = frames.filter(({ type }) => type === GOAWAY).at(-1);
    assert.equal(last?.payload.readUInt32BE(4), each.code);
    const spentMs = cpuMs(gateway) - cpuBefore;
    const grown = growth().find(({ role }) => role === "gateway")?.grownBytes ?? assert.fail();
    t.diagnostic(`${each.name}: ${spentMs} ms, ${(grown / MIB).toFixed(1)} MiB`);
    assert.ok(spentMs < CPU_MS_MAX, `${spentMs} ms`);
    assert.ok(grown < GROWTH_BYTES_MAX, `${grown} bytes`);
    if (each.turns !== undefined) {
      const echoed = frames.filter(({ type }) => type === DATA).reduce((sum, { payload }) => sum + payload.length, 0);
      assert.equal(echoed, 100 * TINY_UPLOAD_BYTES);
    }
    const session = openSession(t, `http://127.0.0.1:${server.address}`);
    assert.equal((await ask(session, { ":path": "/" })).body, "hello\n");
    for (const line of each.lines) await server.waitForLine(line, from);
    const warnings = server.lines.slice(from).filter(({ text }) => /\[(WARNING|ERROR)\]/.test(text));
    assert.deepEqual(
      warnings.map(({ text }) => each.lines.some((line) => line.test(text)) && /Invalid request from ip=127\.0\.0\.1: /.test(text)),
      each.lines.map(() => true),
      JSON.stringify(warnings),
    );
  });
}
