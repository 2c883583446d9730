/** Every attack that we know of, with what it may cost at most. The clock stands still, so that bursts are all there is. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { AbuseLimits } from "../../../src/protocol/http2/abuse-limits.ts";
import { FLAG, FRAME } from "../../../src/protocol/http2/frame-types.ts";
import { block, data, frame, GET, headers, POST, rstStream, settings, windowUpdate } from "./frames.ts";
import { Harness, type HarnessOptions } from "./harness.ts";

interface Attack {
  readonly name: string;
  /** Frames of the attack's turn number `i`. */
  readonly turn: (i: number) => Buffer[];
  /** Turns after which the connection must be over. */
  readonly turnsMax: number;
  readonly before?: Buffer[];
  readonly options?: HarnessOptions;
  /** Requests that may have reached the server. */
  readonly requestsMax?: number;
}

const streamOf = (i: number) => 2 * i + 1;
/** A few KiB that are megabytes in memory: one entry of the table, thousands of times. */
function headerBomb(streamId: number): Buffer {
  const entry = Buffer.concat([Buffer.from("4001617fa11e", "hex"), Buffer.alloc(4000, "x")]);
  return frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, streamId, Buffer.concat([block(GET), entry, Buffer.alloc(12_000, 0xbe)]));
}
const upload = [headers(1, POST, { endStream: false })];

const ATTACKS: readonly Attack[] = [
  {
    name: "rapid reset (CVE-2023-44487)",
    turn: (i) => [headers(streamOf(i)), rstStream(streamOf(i))],
    turnsMax: 201,
    requestsMax: 201,
  },
  {
    name: "requests cancelled by the client's own faults (CVE-2025-8671)",
    turn: (i) => [headers(streamOf(i)), windowUpdate(streamOf(i), 0)],
    turnsMax: 201,
    requestsMax: 201,
  },
  {
    name: "more streams than allowed, without end",
    turn: (i) => [headers(streamOf(i))],
    turnsMax: 301,
    requestsMax: 100,
  },
  { name: "malformed requests without end", turn: (i) => [headers(streamOf(i), [[":method", "GET"]])], turnsMax: 201, requestsMax: 0 },
  { name: "PING flood (CVE-2019-9512)", turn: () => [frame(FRAME.ping, 0, 0, 8)], turnsMax: 1001 },
  { name: "SETTINGS flood (CVE-2019-9515)", turn: () => [settings()], turnsMax: 1001 },
  { name: "SETTINGS ACK flood", turn: () => [frame(FRAME.settings, FLAG.ack, 0)], turnsMax: 1001 },
  { name: "PRIORITY flood (CVE-2019-9513)", turn: () => [frame(FRAME.priority, 0, 1, 5)], turnsMax: 1001 },
  { name: "flood of unknown frames", turn: () => [frame(0x55, 0, 0, 3)], turnsMax: 1001 },
  { name: "empty DATA (CVE-2019-9518)", before: upload, turn: () => [data(1, "")], turnsMax: 1001 },
  {
    name: "DATA of padding alone",
    before: upload,
    turn: () => [frame(FRAME.data, FLAG.padded, 1, Buffer.from([2, 0, 0]))],
    turnsMax: 1001,
  },
  { name: "RST_STREAM flood on a stream that is over", before: [...upload, rstStream(1)], turn: () => [rstStream(1)], turnsMax: 1001 },
  {
    name: "trailers on a stream that we have cancelled",
    before: upload,
    turn: () => [headers(1, [])],
    turnsMax: 1001,
    options: { onRequest: (stream) => stream.reset("CANCEL") },
  },
  {
    name: "DATA on many streams that are over",
    before: Array.from({ length: 300 }, (_, i) => headers(streamOf(i))),
    turn: (i) => [data(streamOf(i), "x")],
    turnsMax: 201,
    options: { onRequest: (stream) => stream.respond(200, [], Buffer.from("x")) },
  },
  { name: "WINDOW_UPDATE flood", turn: () => [windowUpdate(0, 1)], turnsMax: 1001 },
  { name: "WINDOW_UPDATE flood on a stream", before: upload, turn: () => [windowUpdate(1, 1)], turnsMax: 1001 },
  {
    name: "CONTINUATION flood (CVE-2024-27316)",
    before: [frame(FRAME.headers, 0, 1, block(GET))],
    turn: () => [frame(FRAME.continuation, 0, 1, block([["a", "b"]]))],
    turnsMax: 66,
    requestsMax: 0,
  },
  {
    name: "empty CONTINUATION flood",
    before: [frame(FRAME.headers, 0, 1, block(GET))],
    turn: () => [frame(FRAME.continuation, 0, 1, 0)],
    turnsMax: 66,
    requestsMax: 0,
  },
  {
    name: "a header block of many full frames",
    before: [frame(FRAME.headers, 0, 1, block(GET))],
    turn: () => [frame(FRAME.continuation, 0, 1, 16384)],
    turnsMax: 8,
    requestsMax: 0,
  },
  { name: "header bombs without end", turn: (i) => [headerBomb(streamOf(i))], turnsMax: 201, requestsMax: 0 },
  {
    name: "windows opened and shut by SETTINGS, with answers that wait",
    before: [headers(1)],
    turn: (i) => [settings({ initialWindowSize: i % 2 })],
    turnsMax: 1001,
    options: { onRequest: (stream) => stream.respond(200, [], Buffer.alloc(100_000)) },
  },
];

for (const { name, turn, turnsMax, before = [], options = {}, requestsMax = Number.POSITIVE_INFINITY } of ATTACKS) {
  test(`${name} ends the connection, with a reason`, () => {
    const harness = new Harness(options);
    harness.send(...before);
    let turns = 0;
    while (harness.end === undefined && turns < 10 * turnsMax) harness.send(...turn(turns++));
    assert.equal(harness.end?.code, "ENHANCE_YOUR_CALM");
    assert.match(harness.end?.reason ?? "", /^(more than \d+ .* in a short time|header block of more than \d+ .*)$/);
    assert.ok(turns <= turnsMax, `${turns} turns`);
    assert.ok(harness.heads.length <= requestsMax, `${harness.heads.length} requests`);
    assert.match(harness.read().at(-1) ?? "", /^goaway \d+ ENHANCE_YOUR_CALM$/);
  });
}

test("a SETTINGS frame of thousands of settings is refused before it is read", () => {
  const harness = new Harness();
  harness.send(frame(FRAME.settings, 0, 0, 16380).subarray(0, 9));
  assert.equal(harness.end?.code, "ENHANCE_YOUR_CALM");
});

test("a header block that is announced too large is refused before it has come", () => {
  const harness = new Harness({ settings: { maxFrameSize: 1 << 20 } });
  harness.send(frame(FRAME.headers, FLAG.endHeaders, 1, 1 << 19).subarray(0, 9));
  assert.equal(harness.end?.code, "ENHANCE_YOUR_CALM");
});

test("a header bomb costs its list's limit at most, and its request is refused", () => {
  const harness = new Harness();
  harness.send(headerBomb(1));
  assert.deepEqual(harness.events, ["1 refused headers-too-large"]);
});

test("a client that takes its time may cancel, ping and update as long as it likes", () => {
  const harness = new Harness();
  for (let i = 0; i < 3000; i += 1) {
    harness.nowMs += 50;
    harness.send(headers(streamOf(i)), rstStream(streamOf(i)), frame(FRAME.ping, 0, 0, 8), windowUpdate(0, 1));
  }
  assert.equal(harness.end, undefined);
});

test("updates that our bytes ask for are no flood", () => {
  const harness = new Harness({ onRequest: (stream) => stream.respond(200, [], Buffer.alloc(40_000_000)) });
  harness.send(headers(1));
  // As Go's client does: every 4 KiB, for stream and connection.
  let sent = 0;
  for (let updated = 0; updated < 40_000_000; updated += 4096) {
    sent += harness.frames().reduce((sum, { type, payload }) => sum + (type === FRAME.data ? payload.length : 0), 0);
    harness.send(windowUpdate(0, 4096), windowUpdate(1, 4096));
    if (sent >= 40_000_000) break;
  }
  assert.equal(harness.end, undefined);
  assert.equal(sent, 40_000_000);
});

test("limits are each connection's own", () => {
  const [one, other] = [new AbuseLimits(), new AbuseLimits()];
  for (let i = 0; i < 200; i += 1) one.countReset(0);
  assert.throws(() => one.countReset(0), { name: "ConnectionError", code: "ENHANCE_YOUR_CALM" });
  other.countReset(0);
});
