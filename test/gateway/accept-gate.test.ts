import assert from "node:assert/strict";
import { test } from "node:test";
import { AcceptGate } from "../../src/gateway/accept-gate.ts";

/** Loads one after another, and what the gate says to each. */
const STORIES = [
  {
    name: "calm",
    descriptors: 1024,
    queueMax: 10,
    loads: [
      [0, 0],
      [767, 9],
    ],
    says: [undefined, undefined],
  },
  {
    name: "connections fill the descriptors but the reserve",
    descriptors: 1024,
    queueMax: 10,
    loads: [
      [768, 0],
      [769, 0],
      [692, 0],
      [691, 0],
    ],
    says: ["pause", undefined, undefined, "resume"],
  },
  {
    name: "the queue is full",
    descriptors: 1024,
    queueMax: 10,
    loads: [
      [0, 10],
      [0, 10],
      [0, 9],
      [0, 10],
    ],
    says: ["pause", undefined, "resume", "pause"],
  },
  {
    name: "both must be calm to go on",
    descriptors: 1024,
    queueMax: 10,
    loads: [
      [0, 10],
      [768, 0],
      [0, 10],
      [0, 0],
    ],
    says: ["pause", undefined, undefined, "resume"],
  },
  {
    name: "a small limit keeps a quarter in reserve",
    descriptors: 20,
    queueMax: 10,
    loads: [
      [14, 0],
      [15, 0],
    ],
    says: [undefined, "pause"],
  },
  {
    name: "something can always be served",
    descriptors: 1,
    queueMax: 1,
    loads: [
      [0, 0],
      [1, 0],
      [0, 0],
    ],
    says: [undefined, "pause", "resume"],
  },
] as const;

for (const { name, descriptors, queueMax, loads, says } of STORIES) {
  test(`AcceptGate: ${name}`, () => {
    const gate = new AcceptGate(descriptors, queueMax);
    assert.deepEqual(
      loads.map(([connections, queued]) => gate.judge({ connections, queued })),
      says,
    );
  });
}
