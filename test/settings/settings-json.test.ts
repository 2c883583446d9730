import assert from "node:assert/strict";
import { test } from "node:test";
import { SETTING_NAMES, settingsJson, settingsToJson } from "../../src/settings/index.ts";
import { settled } from "./machine.ts";

test("the Python half's copy of the table names every setting in order and survives JSON", () => {
  const table = settingsJson();
  assert.deepEqual(
    table.map(({ name }) => name),
    SETTING_NAMES,
  );
  assert.deepEqual(JSON.parse(JSON.stringify(table)), table);
  assert.deepEqual(
    table.find(({ name }) => name === "timeout"),
    {
      name: "timeout",
      section: "Worker Processes",
      flags: ["-t", "--timeout"],
      kind: "int, 0 or more",
      default: 30,
      summary: "Workers silent for more than this many seconds are killed and restarted.",
      ours: false,
    },
  );
});

test("values are plain JSON, and PyValues where JSON has no such thing", () => {
  const values = settingsToJson(settled(["-b", "a", "--statsd-host", "h:1", "app"]).settings);
  assert.deepEqual(JSON.parse(JSON.stringify(values)), values);
  assert.deepEqual(Object.keys(values), SETTING_NAMES);
  assert.deepEqual(
    [values.bind, values.workers, values.reload, values.pidfile, values.forwarded_allow_ips, values.worker_class],
    [["a"], 1, false, null, ["127.0.0.1", "::1"], "sync"],
  );
  assert.deepEqual(values.statsd_host, {
    t: "tuple",
    v: [
      { t: "str", v: "h" },
      { t: "int", v: "1" },
    ],
  });
  assert.deepEqual(values.logconfig_dict, { t: "dict", v: [] });
});
