import assert from "node:assert/strict";
import { test } from "node:test";
import type { PyValue } from "../../src/base/python-repr.ts";
import { reloadDiff } from "../../src/settings/index.ts";
import { settled } from "./machine.ts";

const hook = (name: string, address: string): PyValue => ({
  t: "object",
  type: "function",
  text: `<function ${name} at ${address}>`,
  name,
  callable: true,
});

test("a reload names what changed, in the table's order, and what becomes of it", () => {
  const before = settled(["-w", "2", "app"]).settings;
  const after = settled(["-w", "3", "-b", ":1", "--daemon", "--statsd-host", "H:1", "app"]).settings;
  assert.deepEqual(reloadDiff(before, after), [
    { name: "bind", onReload: "rebind", before: "['127.0.0.1:8000']", after: "[':1']" },
    { name: "workers", onReload: "apply", before: "2", after: "3" },
    { name: "daemon", onReload: "restart", before: "False", after: "True" },
    { name: "statsd_host", onReload: "apply", before: "None", after: "('h', 1)" },
  ]);
});

test("nothing changed is an empty list, though functions are made anew", () => {
  const before = settled(["app"], [["pre_fork", hook("f", "0x1")]]).settings;
  assert.deepEqual(reloadDiff(before, settled(["app"], [["pre_fork", hook("f", "0x2")]]).settings), []);
  assert.deepEqual(reloadDiff(before, settled(["app"], [["pre_fork", hook("g", "0x1")]]).settings), [
    { name: "pre_fork", onReload: "apply", before: "<f()>", after: "<g()>" },
  ]);
});

test("None and the word None are different", () => {
  const [none, word] = [settled(["app"]).settings, settled(["-p", "None", "app"]).settings];
  assert.deepEqual(
    reloadDiff(none, word).map(({ name }) => name),
    ["pidfile"],
  );
});
