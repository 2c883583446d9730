import assert from "node:assert/strict";
import { test } from "node:test";
import { AcceptGate } from "../../src/gateway/accept-gate.ts";

interface Story {
  readonly name: string;
  readonly descriptors: number;
  readonly ofOurs?: number;
  readonly connectionsMax?: number;
  readonly queueMax: number;
  /** Connections, files and queued requests, one load after another. */
  readonly loads: readonly (readonly [connections: number, files: number, queued: number])[];
  /** What the gate says to each. */
  readonly says: readonly ("pause" | "resume" | undefined)[];
}

const STORIES: readonly Story[] = [
  {
    name: "calm",
    descriptors: 1024,
    queueMax: 10,
    loads: [
      [0, 0, 0],
      [767, 0, 9],
    ],
    says: [undefined, undefined],
  },
  {
    name: "connections fill the descriptors but the reserve",
    descriptors: 1024,
    queueMax: 10,
    loads: [
      [768, 0, 0],
      [769, 0, 0],
      [692, 0, 0],
      [691, 0, 0],
    ],
    says: ["pause", undefined, undefined, "resume"],
  },
  {
    name: "the queue is full",
    descriptors: 1024,
    queueMax: 10,
    loads: [
      [0, 0, 10],
      [0, 0, 10],
      [0, 0, 9],
      [0, 0, 10],
    ],
    says: ["pause", undefined, "resume", "pause"],
  },
  {
    name: "both must be calm to go on",
    descriptors: 1024,
    queueMax: 10,
    loads: [
      [0, 0, 10],
      [768, 0, 0],
      [0, 0, 10],
      [0, 0, 0],
    ],
    says: ["pause", undefined, undefined, "resume"],
  },
  {
    name: "a small limit keeps a quarter in reserve",
    descriptors: 20,
    queueMax: 10,
    loads: [
      [14, 0, 0],
      [15, 0, 0],
    ],
    says: [undefined, "pause"],
  },
  {
    name: "open files and what the process itself has open count as well",
    descriptors: 1024,
    ofOurs: 20,
    queueMax: 10,
    loads: [
      [747, 0, 0],
      [700, 47, 0],
      [700, 48, 0],
      [673, 1, 0],
      [673, 0, 0],
    ],
    says: [undefined, undefined, "pause", undefined, "resume"],
  },
  {
    name: "a limit of connections below that of the descriptors",
    descriptors: 1024,
    connectionsMax: 100,
    queueMax: 10,
    loads: [
      [99, 500, 0],
      [100, 0, 0],
      [91, 0, 0],
      [90, 0, 0],
    ],
    says: [undefined, "pause", undefined, "resume"],
  },
  {
    name: "a limit of connections above that of the descriptors changes nothing",
    descriptors: 1024,
    connectionsMax: 5000,
    queueMax: 10,
    loads: [
      [767, 0, 0],
      [768, 0, 0],
    ],
    says: [undefined, "pause"],
  },
  {
    name: "files alone never keep the first client out",
    descriptors: 1024,
    queueMax: 10,
    loads: [
      [0, 900, 0],
      [1, 900, 0],
      [0, 900, 0],
    ],
    says: [undefined, "pause", "resume"],
  },
  {
    name: "something can always be served",
    descriptors: 1,
    queueMax: 1,
    loads: [
      [0, 0, 0],
      [1, 0, 0],
      [0, 0, 0],
    ],
    says: [undefined, "pause", "resume"],
  },
];

for (const { name, descriptors, ofOurs = 0, connectionsMax = 0, queueMax, loads, says } of STORIES) {
  test(`AcceptGate: ${name}`, () => {
    const gate = new AcceptGate({ descriptors, descriptorsOfOurs: ofOurs, connections: connectionsMax, queued: queueMax });
    assert.deepEqual(
      loads.map(([connections, files, queued]) => gate.judge({ connections, files, queued })),
      says,
    );
  });
}

test("AcceptGate: it is crowded while connections keep it closed, not while the queue does", () => {
  const gate = new AcceptGate({ descriptors: 1024, descriptorsOfOurs: 0, connections: 100, queued: 10 });
  const crowded = (connections: number, files: number, queued: number) => {
    gate.judge({ connections, files, queued });
    return gate.isCrowded;
  };
  assert.equal(crowded(99, 0, 0), false);
  assert.equal(crowded(100, 0, 0), true);
  assert.equal(crowded(91, 0, 0), true);
  assert.equal(crowded(90, 0, 0), false);
  assert.equal(crowded(50, 0, 10), false);
  assert.equal(crowded(95, 0, 10), true);
});
