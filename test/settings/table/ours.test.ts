import assert from "node:assert/strict";
import { test } from "node:test";
import { OURS } from "../../../src/settings/table/ours.ts";
import { settled } from "../machine.ts";
import { recorded } from "./against-gunicorn.ts";

test("our settings are marked, have options, and names that Gunicorn has not", () => {
  for (const [name, entry] of Object.entries(OURS)) {
    assert.ok(entry.ours === true && entry.flags.length === 1 && ["Gateway", "Logging", "SSL"].includes(entry.section), name);
    assert.ok(!recorded.some((theirs) => theirs.name === name || entry.flags.some((flag) => theirs.flags.includes(flag))), name);
  }
});

test("their defaults are those of the design", () => {
  const { settings } = settled(["app"]);
  assert.deepEqual(Object.fromEntries((Object.keys(OURS) as (keyof typeof OURS)[]).map((name) => [name, settings[name]])), {
    python: null,
    gateways: 1,
    reload_surge: 1,
    request_buffering: true,
    body_buffer: 131072,
    body_wait: 10,
    body_spool_limit: 8589934592,
    response_buffer: 262144,
    response_spool_limit: 1073741824,
    queue_limit: 0,
    queue_timeout: 0,
    sni_certificates: [],
    handshake_timeout: 10,
    head_timeout: 60,
    body_timeout: 60,
    write_timeout: 60,
    proxy_keepalive: 75,
    connection_limit: 0,
    warm_imports: true,
    log_format: "text",
    request_id_header: null,
    request_id_echo: false,
    admin_bind: [],
    admin_prefix: null,
    look_ahead: 8,
  });
});

test("what is on by default has an option to turn it off", () => {
  const { settings } = settled(["--no-request-buffering", "--no-warm-imports", "app"]);
  assert.deepEqual([settings.request_buffering, settings.warm_imports], [false, false]);
});

test("a server without a gateway, or with more than it can use, is refused", () => {
  assert.throws(() => settled(["--gateways", "0", "app"]), /Value must be at least 1: 0/);
  assert.throws(() => settled(["--gateways", "65", "app"]), /Value must be at most 64: 65/);
});
