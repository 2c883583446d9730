import assert from "node:assert/strict";
import { test } from "node:test";
import { displayValue, isSameValue, valueInPython } from "../../src/settings/setting-values.ts";
import { settled } from "./machine.ts";

const plain = settled(["app"]).settings;
const set = settled(["-b", "a", "-p", "None", "--statsd-host", "h:1", "app"]).settings;

test("values show as in Python", () => {
  assert.deepEqual(valueInPython(set, "bind"), { t: "list", v: [{ t: "str", v: "a" }] });
  assert.deepEqual(
    [displayValue(set, "bind"), displayValue(set, "statsd_host"), displayValue(set, "reload")],
    ["['a']", "('h', 1)", "False"],
  );
  assert.equal(displayValue(set, "on_exit"), "<OnExit.on_exit()>");
});

test("values are compared with their types", () => {
  assert.ok(!isSameValue(plain, set, "bind") && !isSameValue(plain, set, "pidfile"));
  assert.ok(isSameValue(plain, set, "workers") && isSameValue(plain, set, "on_exit") && isSameValue(plain, set, "logconfig_dict"));
});
