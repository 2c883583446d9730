import assert from "node:assert/strict";
import { test } from "node:test";
import { drawTop } from "../../src/control/top-screen.ts";
import { createTopState, stepTop, type TopState } from "../../src/control/top-state.ts";
import { lookedAt, requestOf, sampleOf, topOf, workerOf } from "./top-of.ts";

const { counters, connections, reload, queue } = topOf();

function texts(state: TopState): string[] {
  return drawTop(state).map(({ text }) => text);
}

/** A line's style and text, blanks drawn together, found by how it begins. */
function found(state: TopState, start: string): string {
  const line = drawTop(state).find(({ text }) => text.trimStart().startsWith(start)) ?? assert.fail(texts(state).join("\n"));
  return `${line.style}: ${line.text.trim().replace(/ +/g, " ")}`;
}

test("a whole screen of 80 columns and 24 rows", () => {
  const state = lookedAt({
    requests: [requestOf(12.34, "/report?year=2026"), requestOf(0.5, "/", { state: "queued", pid: null, method: "POST" })],
  });
  stepTop(state, {
    type: "looked",
    sample: sampleOf(
      {
        counters: { ...counters, requests: 1220 },
        connections: { ...connections, accepted: 32 },
        queue: { length: 1, oldest_seconds: 0.5, silent_gateways: [] },
        requests: [requestOf(12.34, "/report?year=2026"), requestOf(0.5, "/", { state: "queued", pid: null, method: "POST" })],
        workers: [
          workerOf(101, { requests: 610, in_flight: 1 }),
          workerOf(102, { state: "being replaced", last_heartbeat: null, pss_bytes: null }),
        ],
      },
      3000,
    ),
  });
  assert.deepEqual(texts(state), [
    `${"shop:app  pid 99  sync  serving".padEnd(68)}up 1h 1m 40s`,
    "listening http://h:1",
    "answered 1220 (600.0/s)  running 1  queued 1, oldest 0.5s  connections 3 (1.0/s)",
    "workers 1/2 ready, forked 4, sent away 2  memory 80.0M RSS, 20.0M PSS",
    "generation 2",
    "",
    "  PID      GEN STATE           REQUESTS   REQ/S RUNNING  SILENT     RSS     PSS",
    "> 101        2 ready                610   300.0       1    0.3s   40.0M   20.0M",
    "  102        2 being-replaced        10     0.0       0       -   40.0M       -",
    "",
    "      AGE STATE     PID     METHOD  PATH",
    "    12.3s running   101     GET     /report?year=2026",
    "     0.5s queued    -       POST    /",
    ...Array.from({ length: 10 }, () => ""),
    "q quit  up/down worker  s stacks  r recycle  R reload  e exits  ? help",
  ]);
});

const CROWD = {
  workers: Array.from({ length: 64 }, (_, index) => workerOf(101 + index)),
  requests: Array.from({ length: 200 }, (_, index) => requestOf(200 - index, `/${"x".repeat(index)}`)),
  more_requests: 800,
};

for (const columns of [1, 20, 79, 80, 200])
  for (const rows of [1, 2, 5, 8, 12, 24, 60])
    for (const [name, changes] of [["few", {}] as const, ["many", CROWD] as const])
      test(`${name} on ${columns} x ${rows}: nothing sticks out, the keys are at the bottom`, () => {
        const state = lookedAt(changes, { columns, rows });
        const lines = texts(state);
        assert.equal(lines.length, rows);
        assert.ok(
          lines.every((line) => line.length <= columns),
          lines.join("\n"),
        );
        assert.ok("q quit  up/down worker".startsWith(lines.at(-1)!.slice(0, 22)));
        stepTop(state, { type: "key", key: "?" });
        assert.equal(texts(state).length, rows);
      });

test("many workers and many requests share the room; the chosen worker is in sight", () => {
  const state = lookedAt(CROWD);
  for (let n = 0; n < 40; n += 1) stepTop(state, { type: "key", key: "down" });
  const lines = texts(state);
  const workers = lines.filter((line) => /^[> ] \d{3} /.test(line));
  assert.ok(workers.length >= 5 && workers.some((line) => line.startsWith("> 141")), lines.join("\n"));
  assert.ok(lines.filter((line) => line.includes("running")).length >= 5);
  assert.match(lines.at(-2)!, /^ +and 99\d more$/);
});

test("many workers without a request have all the room", () => {
  const state = lookedAt({ workers: CROWD.workers });
  assert.equal(texts(state).filter((line) => /^[> ] \d{3} /.test(line)).length, 14);
});

for (const { name, changes, start, expected } of [
  {
    name: "a reload that reads",
    changes: { reload: { ...reload, state: "reading" } },
    start: "generation",
    expected: "notice: generation 2 reload reads the settings",
  },
  {
    name: "a reload that replaces",
    changes: { reload: { ...reload, state: "replacing", ready: 1, target: 4 } },
    start: "generation",
    expected: "notice: generation 2 reload replaces the workers [#####---------------] 1 of 4",
  },
  {
    name: "a reload that came to nothing",
    changes: { reload: { ...reload, withdrawn: "SyntaxError: no\nmore" } },
    start: "generation",
    expected: "alarm: generation 2 last reload withdrawn: SyntaxError: no",
  },
  {
    name: "a gateway that hangs",
    changes: { queue: { ...queue, silent_gateways: [7, 8] } },
    start: "no answer",
    expected: "alarm: no answer from gateway 7, 8: its numbers are missing",
  },
  {
    name: "more requests than are told",
    changes: { requests: [requestOf(1, "/")], more_requests: 5 },
    start: "and",
    expected: "faint: and 5 more",
  },
  { name: "no requests", changes: {}, start: "no requests", expected: "faint: no requests in flight" },
  {
    name: "a path that is meant for the terminal",
    changes: { requests: [requestOf(1, "/\x1b]0;x\x07")] },
    start: "1.0s",
    expected: "plain: 1.0s running 101 GET /\\x1b]0;x\\x07",
  },
  {
    name: "a worker that boots",
    changes: { workers: [workerOf(101), workerOf(102, { state: "booting", requests: null, in_flight: null, rss_bytes: null })] },
    start: "102",
    expected: "notice: 102 2 booting - - - 0.3s - 20.0M",
  },
  {
    name: "a worker that is silent",
    changes: { workers: [workerOf(101), workerOf(102, { last_heartbeat: 12.3 })] },
    start: "102",
    expected: "notice: 102 2 ready 10 - 0 12.3s 40.0M 20.0M",
  },
  {
    name: "a worker that is killed",
    changes: { workers: [workerOf(101), workerOf(102, { state: "aborted", aborted: true })] },
    start: "102",
    expected: "alarm: 102 2 aborted 10 - 0 0.3s 40.0M 20.0M",
  },
] as const) {
  test(`${name} is shown`, () => {
    assert.equal(found(lookedAt(changes as Parameters<typeof lookedAt>[0]), start), expected);
  });
}

test("before any answer there is no latency", () => {
  assert.equal(texts(lookedAt({ durations: { bounds_seconds: [1], counts: [0, 0] } }))[3], "latency -");
});

for (const { slower, shown } of [
  { slower: [10, 0, 0], shown: "latency p50 5.0ms, p95 9.5ms, p99 9.9ms" },
  { slower: [0, 0, 1], shown: "latency p50 2.0s, p95 2.0s, p99 2.0s" },
  { slower: [0, 1, 0], shown: "latency p50 1.0s, p95 1.9s, p99 2.0s" },
]) {
  test(`${shown} is shown`, () => {
    const state = lookedAt({ durations: { bounds_seconds: [0.01, 2], counts: [0, 0, 0] } });
    stepTop(state, { type: "looked", sample: sampleOf({ durations: { bounds_seconds: [0.01, 2], counts: slower } }, 2000) });
    assert.equal(texts(state)[3], shown);
    stepTop(state, { type: "looked", sample: sampleOf({ durations: { bounds_seconds: [0.01, 2], counts: slower } }, 3000) });
    assert.equal(texts(state)[3], shown, "a look without news");
  });
}

test("the last line says what there is to say, the most urgent first", () => {
  const state = lookedAt();
  const foot = () => {
    const { style, text } = drawTop(state).at(-1)!;
    return `${style}: ${text}`;
  };
  state.note = { text: "done\x07", alarm: false };
  assert.equal(foot(), "notice: done\\x07");
  state.note = { text: "failed", alarm: true };
  assert.equal(foot(), "alarm: failed");
  stepTop(state, { type: "key", key: "s" });
  assert.equal(foot(), "notice: waiting for: stacks 101");
  stepTop(state, { type: "lost", text: "no news" });
  assert.equal(foot(), "alarm: no news");
  stepTop(state, { type: "key", key: "r" });
  assert.equal(foot(), "selected: recycle worker 101? y/n");
});

test("before the first look, and a text", () => {
  const state = createTopState({ columns: 40, rows: 5 });
  assert.deepEqual(texts(state)[0], "looking for the server ...");
  stepTop(state, { type: "answered", command: "stacks 7", data: { stacks: "a\nb\nc\nd" } });
  assert.deepEqual(texts(state), [
    "stacks of worker 7              1-3 of 4",
    "a",
    "b",
    "c",
    "q back  up/down pgup/pgdn home/end scroll".slice(0, 40),
  ]);
});

test("a page without end has no keys and no blank lines", () => {
  const state = lookedAt(CROWD, { columns: 120, rows: Number.POSITIVE_INFINITY });
  const lines = texts(state);
  assert.equal(lines.filter((line) => line.includes(" running ")).length, 201);
  assert.equal(lines.at(-1), "");
  assert.equal(lines.at(-2), "      and 800 more");
});
