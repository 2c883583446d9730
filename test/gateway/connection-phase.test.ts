import assert from "node:assert/strict";
import { test } from "node:test";
import { type Due, type Phase, type PhaseSurroundings, whatIsDue } from "../../src/gateway/connection-phase.ts";

const limits = { idleMs: 2_000, proxyIdleMs: 75_000, headMs: 60_000, drainHeadMs: 1_000, bodyMs: 60_000, writeMs: 60_000 };
const USUAL: PhaseSurroundings = { limits, idleMs: 2_000, drainingSinceMs: undefined, crowded: false, unsent: false };

interface Case {
  readonly name: string;
  readonly phase: Phase;
  readonly around?: Partial<PhaseSurroundings>;
  /** The first millisecond at which something is due, and what. */
  readonly atMs: number;
  readonly due: Due | undefined;
}

const CASES: readonly Case[] = [
  {
    name: "idle between requests",
    phase: { at: "idle", sinceMs: 100, servedBefore: true },
    atMs: 2_100,
    due: { is: "close-idle", limit: "idle-timeout", limitMs: 2_000 },
  },
  {
    name: "silent from the beginning",
    phase: { at: "idle", sinceMs: 100, servedBefore: false },
    atMs: 60_100,
    due: { is: "close-idle", limit: "head-timeout", limitMs: 60_000 },
  },
  {
    name: "idle, the server stops",
    phase: { at: "idle", sinceMs: 100, servedBefore: true },
    around: { drainingSinceMs: 1_000 },
    atMs: 1_200,
    due: { is: "close-drained" },
  },
  {
    name: "accepted when the server stopped already",
    phase: { at: "idle", sinceMs: 1_500, servedBefore: false },
    around: { drainingSinceMs: 1_000 },
    atMs: 1_700,
    due: { is: "close-drained" },
  },
  {
    name: "idle for a proxy, while others wait for a place",
    phase: { at: "idle", sinceMs: 100, servedBefore: true },
    around: { idleMs: 75_000, crowded: true },
    atMs: 2_100,
    due: { is: "close-idle", limit: "idle-timeout", limitMs: 2_000 },
  },
  { name: "within a head", phase: { at: "head", sinceMs: 100 }, atMs: 60_100, due: { is: "refuse-head", limitMs: 60_000 } },
  {
    name: "within a head, the server stops",
    phase: { at: "head", sinceMs: 100 },
    around: { drainingSinceMs: 1_000 },
    atMs: 2_000,
    due: { is: "refuse-head", limitMs: 1_000 },
  },
  { name: "being served", phase: { at: "exchange" }, around: { drainingSinceMs: 0 }, atMs: 1e9, due: undefined },
  { name: "skipping a body", phase: { at: "skipping", sinceMs: 100 }, atMs: 2_100, due: { is: "linger" } },
  { name: "lingering", phase: { at: "lingering", sinceMs: 100 }, atMs: 2_100, due: { is: "destroy" } },
  {
    name: "lingering, the server stops",
    phase: { at: "lingering", sinceMs: 100 },
    around: { drainingSinceMs: 0 },
    atMs: 600,
    due: { is: "destroy" },
  },
  { name: "cut", phase: { at: "cut", sinceMs: 100 }, atMs: 1_100, due: { is: "reset" } },
];

for (const { name, phase, around, atMs, due } of CASES) {
  test(`a connection ${name}: ${due?.is ?? "nothing"} is due`, () => {
    assert.equal(whatIsDue(phase, atMs - 1, { ...USUAL, ...around }), undefined);
    assert.deepEqual(whatIsDue(phase, atMs, { ...USUAL, ...around }), due);
  });
}

for (const at of ["lingering", "cut"] as const) {
  test(`the time of a connection that is ${at} begins when nothing is unsent any more`, () => {
    assert.deepEqual(whatIsDue({ at, sinceMs: 100 }, 101, { ...USUAL, unsent: true }), { is: "begin-anew" });
  });
}

test("the idle time of a connection begins when its last answer has left, unless the server stops", () => {
  const phase = { at: "idle", sinceMs: 100, servedBefore: true } as const;
  assert.deepEqual(whatIsDue(phase, 2_100, { ...USUAL, unsent: true }), { is: "begin-anew" });
  assert.deepEqual(whatIsDue(phase, 2_100, { ...USUAL, unsent: true, drainingSinceMs: 0 })?.is, "close-idle");
});
