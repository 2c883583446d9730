/** test/server/control.test.ts holds these texts against the real gunicornc's, for what a server without dirty workers shows. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type AnswerData, duration, formatAsGunicorn, formatAsJson } from "../../src/control/format.ts";

const LINES: readonly { readonly name: string; readonly command: string; readonly data: AnswerData; readonly text: string }[] = [
  { name: "no workers", command: "show workers", data: { workers: [], count: 0 }, text: "No workers running" },
  {
    name: "workers, one of them unknown",
    command: " Show  WORKERS ",
    data: { workers: [{ pid: 9231, age: 1, booted: true, last_heartbeat: 1.36 }, {}] },
    text: "PID        AGE    BOOTED   LAST_BEAT\n----------------------------------------\n9231       1      yes      1.36s ago\n?          ?      no       n/a\n\nTotal: 2 workers",
  },
  { name: "no listeners", command: "show listeners", data: {}, text: "No listeners bound" },
  { name: "dirty workers, none", command: "show dirty", data: { enabled: false }, text: "Dirty arbiter not running" },
  {
    name: "dirty workers",
    command: "show dirty",
    data: {
      enabled: true,
      pid: 9230,
      workers: [{ pid: 9232, age: 1, apps: ["dapp:D", "dapp:L"], last_heartbeat: 31.38 }],
      apps: [{ import_path: "dapp:D", worker_count: null, current_workers: 0 }],
    },
    text: [
      "Dirty arbiter PID: 9230",
      "",
      "DIRTY WORKERS:",
      "PID        AGE    APPS                           LAST_BEAT",
      "-".repeat(60),
      "9232       1      dapp:D, dapp:L                 31.38s ago",
      "",
      "DIRTY APPS:",
      "APP                            WORKERS    LIMIT",
      "-".repeat(50),
      "dapp:D                         0          none",
    ].join("\n"),
  },
  {
    name: "all, with dirty workers",
    command: "show all",
    data: {
      arbiter: { pid: 1 },
      web_workers: [],
      web_worker_count: 0,
      dirty_arbiter: { pid: 2 },
      dirty_workers: [
        { pid: 3, age: 1, apps: ["dapp:D", "dapp:L"] },
        { pid: 4, age: 2, apps: [] },
      ],
      dirty_worker_count: 2,
    },
    text: [
      "ARBITER (master)",
      "  PID: 1",
      "",
      "WEB WORKERS (0)",
      "  (none)",
      "",
      "DIRTY ARBITER",
      "  PID: 2",
      "",
      "DIRTY WORKERS (2)",
      "  PID        AGE    APPS",
      `  ${"-".repeat(50)}`,
      "  3          1      D",
      "                    L",
      "  4          2      (no apps)",
    ].join("\n"),
  },
  {
    name: "stats of nobody",
    command: "show stats",
    data: { dirty_arbiter_pid: 7 },
    text: "Uptime:           unknown\nPID:              unknown\nWorkers current:  0\nWorkers target:   0\nWorkers spawned:  0\nWorkers killed:   0\nReloads:          0\nDirty arbiter:    7",
  },
  {
    name: "config",
    command: "show config",
    data: { b: ["x", 1], a: null, d: true, c: "text" },
    text: "a: None\nb: x, 1\nc: text\nd: True",
  },
  {
    name: "help",
    command: "help",
    data: { commands: { "b [N]": "two", a: "one" } },
    text: "Available commands:\n\n  a       one\n  b [N]   two",
  },
];

for (const { name, command, data, text } of LINES) {
  test(name, () => assert.equal(formatAsGunicorn(command, data), text));
}

test("what has no form of its own is JSON", () => {
  assert.equal(formatAsGunicorn("reload", { status: "reloading" }), undefined);
  assert.equal(formatAsGunicorn("constructor", {}), undefined);
  assert.equal(formatAsJson({ status: "reloading" }), '{\n  "status": "reloading"\n}');
  assert.equal(formatAsJson({}), "OK");
});

test("durations", () => {
  assert.deepEqual([0.9, 31.4, 62, 8130].map(duration), ["0s", "31s", "1m 2s", "2h 15m 30s"]);
});
