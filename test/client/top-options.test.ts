import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTopOptions } from "../../src/client/top-options.ts";

for (const { words, options } of [
  { words: [], options: { socket: undefined, once: false, intervalMs: 1000 } },
  { words: ["-s", "/run/a.sock", "--once"], options: { socket: "/run/a.sock", once: true, intervalMs: 1000 } },
  { words: ["--socket=@name", "--interval", "0.5"], options: { socket: "@name", once: false, intervalMs: 500 } },
  { words: ["--interval", "3600"], options: { socket: undefined, once: false, intervalMs: 3_600_000 } },
]) {
  test(`${words.join(" ") || "no words"}`, () => assert.deepEqual(parseTopOptions(words), options));
}

for (const { words, complaint } of [
  { words: ["workers"], complaint: "unrecognized arguments: workers" },
  { words: ["--interval", "0"], complaint: 'argument --interval: 0.1 to 3600 seconds, not "0"' },
  { words: ["--interval", "soon"], complaint: 'argument --interval: 0.1 to 3600 seconds, not "soon"' },
  { words: ["--interval", "1e1"], complaint: 'argument --interval: 0.1 to 3600 seconds, not "1e1"' },
  { words: ["-s"], complaint: "argument -s/--socket: expected one argument" },
]) {
  test(`${words.join(" ")} is refused`, () => {
    const end = parseTopOptions(words);
    assert.ok("status" in end);
    assert.deepEqual([end.status, end.stdout, end.stderr.split("\n")[1]], [2, "", `tunicorn top: error: ${complaint}`]);
  });
}

test("help", () => {
  const end = parseTopOptions(["-h"]);
  assert.ok("status" in end);
  assert.deepEqual([end.status, end.stderr], [0, ""]);
  assert.match(end.stdout, /^usage: tunicorn top /);
});
