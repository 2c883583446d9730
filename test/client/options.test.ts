import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions } from "../../src/client/options.ts";

for (const { words, wanted } of [
  { words: [], wanted: { socket: undefined, command: undefined, json: false } },
  { words: ["-s", "/x", "-c", "show stats", "-j"], wanted: { socket: "/x", command: "show stats", json: true } },
  { words: ["-s/x", "-jc", "help"], wanted: { socket: "/x", command: "help", json: true } },
  { words: ["--socket=@x", "--comm", "worker add 2"], wanted: { socket: "@x", command: "worker add 2", json: false } },
  { words: ["-c", ""], wanted: { socket: undefined, command: undefined, json: false } },
]) {
  test(`the command line ${JSON.stringify(words)}`, () => assert.deepEqual(parseOptions(words, "v"), wanted));
}

test("help and version", () => {
  const help = parseOptions(["-h"], "v");
  assert.ok("status" in help && help.status === 0);
  assert.match(help.stdout, /^usage: tunicornc \[-h\] \[-s SOCKET\] \[-c COMMAND\] \[-j\] \[-v\]\n/);
  assert.deepEqual(parseOptions(["-v"], "tunicorn 1"), { stdout: "tunicornc (tunicorn 1)\n", stderr: "", status: 0 });
});

for (const { words, error } of [
  { words: ["-x"], error: "unrecognized arguments: -x" },
  { words: ["show", "stats"], error: "unrecognized arguments: show stats" },
  { words: ["-c"], error: "argument -c/--command: expected one argument" },
]) {
  test(`refused: ${JSON.stringify(words)}`, () => {
    const usage = "usage: tunicornc [-h] [-s SOCKET] [-c COMMAND] [-j] [-v]";
    assert.deepEqual(parseOptions(words, "v"), { stdout: "", stderr: `${usage}\ntunicornc: error: ${error}\n`, status: 2 });
  });
}
