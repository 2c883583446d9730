import assert from "node:assert/strict";
import { test } from "node:test";
import { completions } from "../../src/control/completion.ts";

for (const { typed, wanted } of [
  { typed: "worker ki", wanted: ["worker kill "] },
  { typed: "worker kill ", wanted: ["worker kill 11", "worker kill 12"] },
  { typed: "worker kill 12", wanted: [] },
  { typed: "shutd", wanted: ["shutdown "] },
  { typed: "shutdown ", wanted: ["shutdown graceful", "shutdown quick"] },
  { typed: "explain graceful_t", wanted: ["explain graceful_timeout"] },
  { typed: "log d", wanted: ["log debug"] },
  { typed: "  sta", wanted: ["stacks "] },
  { typed: "qu", wanted: ["quit"] },
  { typed: "show work", wanted: ["show worker ", "show workers"] },
  { typed: "nothing like it", wanted: [] },
]) {
  test(`completes ${JSON.stringify(typed)}`, () => assert.deepEqual(completions(typed, [11, 12]), wanted));
}

test("an empty line is completed by the first word of every command", () => {
  const found = completions("", []);
  for (const each of ["show ", "worker ", "reload ", "drain", "quit"]) assert.ok(found.includes(each), each);
  assert.ok(found.every((each) => !/ ./.test(each)));
});
