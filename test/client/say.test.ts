import assert from "node:assert/strict";
import { test } from "node:test";
import type { ControlClient } from "../../src/client/control-client.ts";
import { say } from "../../src/client/say.ts";

function clientThatSays(data: object, patience: (number | undefined)[] = []): ControlClient {
  const ask = (_: string, answerMs?: number) => {
    patience.push(answerMs);
    return Promise.resolve(data);
  };
  return { ask } as unknown as ControlClient;
}

test("Gunicorn's form, ours, or JSON", async () => {
  assert.deepEqual(await say(clientThatSays({ count: 0 }), "show workers", false), { text: "No workers running", failed: false });
  assert.equal((await say(clientThatSays({ stacks: "here\n" }), "stacks 1", false)).text, "here");
  assert.equal((await say(clientThatSays({ status: "reloading" }), "reload", false)).text, '{\n  "status": "reloading"\n}');
  assert.equal((await say(clientThatSays({ count: 0 }), "show workers", true)).text, '{\n  "count": 0\n}');
});

test("what the server has not done is a failure, though it has answered", async () => {
  assert.equal((await say(clientThatSays({ success: false, error: "Worker 1 not found" }), "worker kill 1", false)).failed, true);
  assert.equal((await say(clientThatSays({ success: true, killed: 1 }), "worker kill 1", false)).failed, false);
});

test("a reload that is waited for takes as long as it takes", async () => {
  const patience: (number | undefined)[] = [];
  for (const line of ["reload --wait", "RELOAD  wait", "reload", "show top"]) await say(clientThatSays({}, patience), line, true);
  assert.deepEqual(patience, [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, undefined, undefined]);
});
