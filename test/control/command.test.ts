import assert from "node:assert/strict";
import { test } from "node:test";
import { BadCommand, parseCommand } from "../../src/control/command.ts";

const UNDERSTOOD: readonly (readonly [string, unknown, unknown])[] = [
  ["help", undefined, { name: "help" }],
  ["  HELP me  ", [], { name: "help" }],
  ["show workers", [], { name: "show", target: "workers" }],
  ["Show WORKERS more", [], { name: "show", target: "workers" }],
  ["show", ["all"], { name: "show", target: "all" }],
  ["'show' \"stats\"", null, { name: "show", target: "stats" }],
  ["show top", [], { name: "show", target: "top" }],
  ["show worker 12", [], { name: "show-worker", pid: 12 }],
  ["worker add", [], { name: "worker-add", count: 1 }],
  ["worker add 3", [], { name: "worker-add", count: 3 }],
  ["worker add", [3], { name: "worker-add", count: 3 }],
  ["worker add", "3", { name: "worker-add", count: 3 }],
  ["worker add", { 3: null }, { name: "worker-add", count: 3 }],
  ["worker add ' +1_0 '", [], { name: "worker-add", count: 10 }],
  ["worker remove 2 words", [], { name: "worker-remove", count: 2 }],
  ["worker kill 4211", [], { name: "worker-kill", pid: 4211 }],
  ["worker kill -5", [], { name: "worker-kill", pid: -5 }],
  ["dirty add", [], { name: "dirty" }],
  ["dirty remove 2", [], { name: "dirty" }],
  ["reload", [], { name: "reload", wait: false }],
  ["reload --wait", [], { name: "reload", wait: true }],
  ["reload now", [], { name: "reload", wait: false }],
  ["reopen", [], { name: "reopen" }],
  ["shutdown", [], { name: "shutdown", mode: "graceful" }],
  ["shutdown quick", [], { name: "shutdown", mode: "quick" }],
  ["shutdown Whatever", [], { name: "shutdown", mode: "Whatever" }],
  ["drain", [], { name: "drain" }],
  ["stacks 7", [], { name: "stacks", pid: 7 }],
  ["recycle 7", [], { name: "recycle", pid: 7 }],
  ["explain graceful_timeout", [], { name: "explain", setting: "graceful_timeout" }],
  ["explain --graceful-timeout", [], { name: "explain", setting: "graceful_timeout" }],
  ["log DEBUG", [], { name: "log", level: "debug" }],
  ["", [], undefined],
  ["  ", ["help"], undefined],
];

for (const [line, args, wanted] of UNDERSTOOD) {
  test(`${JSON.stringify(line)} ${JSON.stringify(args)}`, () => assert.deepEqual(parseCommand(line, args), wanted));
}

/** Gunicorn's texts, as test/server/control.test.ts holds them against the real one, and ours. */
const REFUSED: readonly (readonly [string, unknown, string])[] = [
  ["show", [], "Missing show target (all|workers|dirty|config|stats|listeners)"],
  ["show Foo", [], "Unknown show target: foo"],
  ["show worker", [], "Missing PID for show worker"],
  ["worker", [], "Missing worker action (add|remove|kill)"],
  ["worker Bogus", [], "Unknown worker action: bogus"],
  ["worker kill", [], "Missing PID for worker kill"],
  ["worker add x", [], "invalid literal for int() with base 10: 'x'"],
  ["worker add", [1.5], "invalid literal for int() with base 10: '1.5'"],
  ["worker add", [true], "invalid literal for int() with base 10: 'True'"],
  ["worker add -2", [], "a number of workers is from 1 to 1000, not -2"],
  ["worker add 0", [], "a number of workers is from 1 to 1000, not 0"],
  ["worker add 99999999999999999999", [], "a number of workers is from 1 to 1000, not 99999999999999999999"],
  ["worker add", [[1]], "args holds more than words"],
  ["worker add", 3, "args is no list"],
  ["dirty", [], "Missing dirty action (add|remove)"],
  ["dirty Zap", [], "Unknown dirty action: zap"],
  ["dirty add x", [], "invalid literal for int() with base 10: 'x'"],
  ["Foo bar", [], "Unknown command: foo"],
  ["show 'x", [], "No closing quotation"],
  ["show \\", [], "No escaped character"],
  ["stacks", [], "Missing PID for stacks"],
  ["recycle x", [], "invalid literal for int() with base 10: 'x'"],
  ["explain", [], "Missing setting for explain"],
  ["explain nothing", [], "Unknown setting: nothing"],
  ["explain toString", [], "Unknown setting: toString"],
  ["log", [], "Missing log level (debug|info|warning|error|critical)"],
  ["log loud", [], "Unknown log level (debug|info|warning|error|critical)"],
  ["# no comment", [], "Unknown command: #"],
];

for (const [line, args, message] of REFUSED) {
  test(`refused: ${JSON.stringify(line)} ${JSON.stringify(args)}`, () => {
    assert.throws(() => parseCommand(line, args), { name: "BadCommand", message });
  });
}

test("whatever is said is understood or refused", () => {
  for (const line of ["\u0000", "show \u0000", "__proto__", "constructor", "worker constructor", "show __proto__", '"" x'])
    assert.throws(() => parseCommand(line, []), BadCommand, line);
});
