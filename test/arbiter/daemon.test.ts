import assert from "node:assert/strict";
import { test } from "node:test";
import { becomesDaemon } from "../../src/arbiter/daemon.ts";

test("the second start knows what it is by a variable, which it takes away, and has its umask", () => {
  const before = process.umask(0o077);
  try {
    const env: NodeJS.ProcessEnv = { HOME: "/h" };
    assert.equal(becomesDaemon(env), false);
    assert.equal(process.umask(), 0o077);
    env.TUNICORN_DAEMON = "yes";
    assert.equal(becomesDaemon(env), true);
    assert.deepEqual(env, { HOME: "/h" });
    assert.equal(process.umask(), 0o022);
  } finally {
    process.umask(before);
  }
});
