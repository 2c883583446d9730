import assert from "node:assert/strict";
import { test } from "node:test";
import { WorkerStacks } from "../../src/arbiter/worker-stacks.ts";

interface Asked {
  readonly cmd: string;
  readonly worker: number;
  readonly ask: number;
  readonly request: number;
}

function connect(answerMs?: number): { stacks: WorkerStacks; asked: Asked[] } {
  const asked: Asked[] = [];
  return { stacks: new WorkerStacks((message) => asked.push(message as Asked), answerMs), asked };
}

test("each question gets its own answer, in whatever order they come", async () => {
  const { stacks, asked } = connect();
  const first = stacks.ask(4);
  const second = stacks.ask(4, 99);
  assert.deepEqual(
    asked.map(({ cmd, worker, request }) => [cmd, worker, request]),
    [
      ["stacks", 4, 0],
      ["stacks", 4, 99],
    ],
  );
  const [one, two] = asked.map(({ ask }) => ask);
  assert.notEqual(one, two);
  assert.equal(stacks.hear({ ev: "stacks", worker: 4, ask: two, text: "of the request" }), true);
  assert.equal(stacks.hear({ ev: "stacks", worker: 4, ask: one, text: "of all" }), true);
  assert.deepEqual(await Promise.all([first, second]), ["of all", "of the request"]);
});

test("a nursery that does not answer, and its answer when nobody waits any more", async () => {
  const { stacks, asked } = connect(20);
  assert.equal(await stacks.ask(4), "cannot show its stacks: no answer in 0.02 s");
  assert.equal(stacks.hear({ ev: "stacks", worker: 4, ask: asked[0]?.ask, text: "late" }), true);
});

for (const message of [{ ev: "ready", worker: 1 }, null, "stacks", { cmd: "stacks" }]) {
  test(`no answer is ${JSON.stringify(message)}`, () => {
    assert.equal(connect().stacks.hear(message), false);
  });
}
