import assert from "node:assert/strict";
import { test } from "node:test";
import { effectiveSettings, settingsCommand, withLogLevel } from "../../src/arbiter/effective-settings.ts";
import { readSurroundings } from "../../src/arbiter/surroundings.ts";
import type { PyValue } from "../../src/base/python-repr.ts";
import { parse, resolve } from "../../src/settings/index.ts";

const MASTER = {
  version: "0.1.0",
  pid: 42,
  python: "python3",
  gatewayUnderWay: false,
  predecessor: undefined,
  containerEndsWithUs: false,
  inherited: undefined,
};
const hook: PyValue = { t: "object", type: "function", text: "<function f>", name: "f", callable: true, arity: 1 };

function launchOf(words: readonly string[]) {
  const launch = parse(words, { name: "tunicorn", version: "0.1.0" }, { ...readSurroundings(), env: {}, cwd: "/" });
  if (launch.at === "exit") throw new Error(launch.stderr);
  return launch;
}

test("one reading, as everybody needs it: hooks that are set, the run whose live objects belong to it", () => {
  const launch = { ...launchOf(["-w", "3", "app"]), config: { kind: "file", location: "/srv/c.py", shown: "c.py" } as const };
  const resolved = resolve(launch, [
    ["on_exit", hook],
    ["worker_exit", { ...hook, arity: 2 }],
  ]);
  assert.ok(resolved.at === "resolved");
  const effective = effectiveSettings(resolved, launch, MASTER, undefined, 7);
  assert.deepEqual([effective.plan.workers, effective.plan.hooks, effective.plan.hasConfig, effective.run], [3, ["on_exit"], true, 7]);
  assert.deepEqual(effective.settingsMessage, settingsCommand(resolved, "0.1.0", 7));
  const { names, ...message } = effective.configMessage as { names: string[] };
  assert.deepEqual(message, { cmd: "run-config", kind: "file", location: "/srv/c.py", run: 7 });
  assert.ok(names.includes("on_exit"));
});

test("without a configuration there is none to run", () => {
  const launch = launchOf(["app"]);
  const resolved = resolve(launch);
  assert.ok(resolved.at === "resolved");
  const { plan, configMessage } = effectiveSettings(resolved, launch, MASTER, undefined);
  assert.deepEqual([plan.hasConfig, plan.hooks, configMessage], [false, [], undefined]);
});

test("another level of the error log: for all that get the settings, and whoever asks knows who wanted it", () => {
  const launch = launchOf(["-w", "3", "app"]);
  const resolved = resolve(launch);
  assert.ok(resolved.at === "resolved");
  const before = effectiveSettings(resolved, launch, MASTER, undefined);
  const after = withLogLevel(before, "debug");
  assert.deepEqual([after.resolved.settings.loglevel, after.resolved.origins.loglevel], ["debug", "control socket"]);
  const { values } = after.settingsMessage as { values: Record<string, unknown> };
  assert.deepEqual([values.loglevel, values.workers, before.resolved.settings.loglevel], ["debug", 3, "info"]);
  assert.equal(after.plan, before.plan);
});
