import assert from "node:assert/strict";
import { test } from "node:test";
import { endCause } from "../../src/lifecycle/end-cause.ts";
import type { ExitStatus } from "../../src/lifecycle/messages.ts";

const KILL: ExitStatus = { signal: "SIGKILL" };

const CASES: readonly [name: string, status: ExitStatus, ordered: boolean, outOfMemory: boolean | undefined, cause: string | undefined][] =
  [
    ["the kernel says that it was short of memory", KILL, false, true, "cause=out-of-memory"],
    ["the kernel says that it was not", KILL, false, false, "cause=killed-from-outside"],
    ["nobody knows", KILL, false, undefined, "cause=out-of-memory-or-killed-from-outside"],
    ["the arbiter had it killed", KILL, true, false, undefined],
    ["a fault in native code", { signal: "SIGSEGV" }, false, undefined, "cause=crashed"],
    ["abort() in native code", { signal: "SIGABRT" }, false, undefined, "cause=crashed"],
    ["the timeout's SIGABRT", { signal: "SIGABRT" }, true, undefined, undefined],
    ["another signal", { signal: "SIGXCPU" }, false, undefined, "cause=signalled-from-outside"],
    ["an exit code", { code: 1 }, false, undefined, undefined],
    ["nobody could collect it", null, false, undefined, undefined],
  ];

for (const [name, status, ordered, outOfMemory, cause] of CASES) {
  test(`why a worker ended: ${name}`, () => assert.equal(endCause(status, ordered, outOfMemory), cause));
}
