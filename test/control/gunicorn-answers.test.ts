/** test/server/control.test.ts holds these answers against the real Gunicorn's. Here is what no idle server shows. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { showAll, showConfig, showDirty, showListeners, showStats, showWorkers } from "../../src/control/gunicorn-answers.ts";
import { resolvedOf } from "../arbiter/settings-of.ts";
import { pictureOf } from "./pictures.ts";

test("show workers and show all", () => {
  const { workers, count } = showWorkers(pictureOf()) as { workers: Record<string, unknown>[]; count: number };
  assert.equal(count, 3);
  assert.deepEqual(Object.keys(workers[0]!).slice(0, 5), ["pid", "age", "booted", "aborted", "last_heartbeat"]);
  const all = showAll(pictureOf()) as { web_workers: Record<string, unknown>[] };
  assert.deepEqual(Object.keys(all), [
    "arbiter",
    "web_workers",
    "web_worker_count",
    "dirty_arbiter",
    "dirty_workers",
    "dirty_worker_count",
  ]);
  assert.deepEqual(Object.keys(all.web_workers[0]!).slice(0, 5), ["pid", "type", "age", "booted", "last_heartbeat"]);
  assert.deepEqual(showDirty(), { enabled: false, pid: null, workers: [], apps: [] });
});

test("show stats counts what the chronicle has counted", () => {
  const picture = pictureOf();
  picture.chronicle.spawned = 5;
  picture.chronicle.killed = 2;
  picture.state.readings = 3;
  assert.deepEqual(showStats(picture), {
    uptime: 10,
    pid: 99,
    workers_current: 3,
    workers_target: 2,
    workers_spawned: 5,
    workers_killed: 2,
    reloads: 3,
    dirty_arbiter_pid: null,
  });
});

test("show config has names where Python shows objects", () => {
  const resolved = resolvedOf(["-k", "gthread", "--threads", "3", "--pid", "/run/x", "shop:app"]);
  const config = showConfig(pictureOf({ resolved })) as Record<string, unknown>;
  assert.deepEqual([config.worker_class, config.threads, config.pidfile, config.proc_name], ["gthread", 3, "/run/x", "shop:app"]);
  assert.equal(Object.keys(config).length, 20);
});

test("show listeners: every kind, those of the plan only, https where TLS is", () => {
  const picture = pictureOf();
  const { state } = picture;
  state.listeners = [
    { index: 0, kind: "tcp", host: "127.0.0.1", port: 8000 },
    { index: 1, kind: "tcp6", host: "::1", port: 8001 },
    { index: 2, kind: "unix", path: "/run/app.sock" },
    { index: 3, kind: "tcp", host: "127.0.0.1", port: 9 },
  ];
  state.plan = { ...state.plan, addresses: state.listeners.slice(0, 3) };
  const listed = (tls: boolean) => {
    state.plan = { ...state.plan, tls };
    return showListeners({ ...picture, listenerDescriptors: [24, 25, 26, 27] });
  };
  assert.deepEqual(listed(false), {
    listeners: [
      { address: "http://127.0.0.1:8000", fd: 24, type: "tcp" },
      { address: "http://[::1]:8001", fd: 25, type: "tcp6" },
      { address: "unix:/run/app.sock", fd: 26, type: "unix" },
    ],
    count: 3,
  });
  assert.equal((listed(true) as { listeners: { address: string }[] }).listeners[0]?.address, "https://127.0.0.1:8000");
});
