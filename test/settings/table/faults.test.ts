import assert from "node:assert/strict";
import { test } from "node:test";
import { FAULTS } from "../../../src/settings/table/faults.ts";
import { settled } from "../machine.ts";
import { recorded } from "./against-gunicorn.ts";

test("these settings are marked as ours, have options, and names that Gunicorn has not", () => {
  for (const [name, entry] of Object.entries(FAULTS)) {
    assert.ok(entry.ours === true && entry.flags.length === 1 && entry.section === "Worker Processes", name);
    assert.ok(!recorded.some((theirs) => theirs.name === name || entry.flags.some((flag) => theirs.flags.includes(flag))), name);
  }
});

test("none of them does anything unless it is set", () => {
  const { settings } = settled(["app"]);
  assert.deepEqual(Object.fromEntries((Object.keys(FAULTS) as (keyof typeof FAULTS)[]).map((name) => [name, settings[name]])), {
    boot_timeout: null,
    drain_delay: 0,
    request_timeout: 0,
    request_timeout_hard: 0,
    slow_request: 0,
    max_worker_age: 0,
    max_worker_age_jitter: 0,
    max_worker_memory: 0,
    max_worker_memory_hard: 0,
    retry_safe_requests: false,
  });
});

test("what is given counts", () => {
  const { settings } = settled(["--boot-timeout", "7", "--max-worker-memory", "512", "--retry-safe-requests", "app"]);
  assert.deepEqual([settings.boot_timeout, settings.max_worker_memory, settings.retry_safe_requests], [7, 512, true]);
});
