/** The usual limits of both sides: 2 s and 75 s of ours, 60 s of nginx's. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "./harness.ts";
import { documentedSite, Nginx, targetOf } from "./nginx.ts";
import { askWithGaps, type Gaps, laneSite } from "./upstream-keepalive.ts";

const LANES = 40;
const NGINX_SECONDS = 60;

const SCENARIOS: readonly { readonly keepAlive: string; readonly gaps: Gaps }[] = [
  { keepAlive: "2", gaps: { lanes: LANES, requests: 80, fromMs: 1800, toMs: 2500, methods: ["GET"] } },
  { keepAlive: "75", gaps: { lanes: LANES, requests: 4, fromMs: 59_000, toMs: 61_000, methods: ["GET", "POST"] } },
  { keepAlive: "75", gaps: { lanes: LANES, requests: 4, fromMs: 58_000, toMs: 77_000, methods: ["GET", "POST"] } },
];

/** Side by side: one after another they would take nine minutes of waiting. */
test("no 502 around the usual limits", { concurrency: SCENARIOS.length }, async (t) => {
  const runs = SCENARIOS.map(({ keepAlive, gaps }) =>
    t.test(`keepalive ${keepAlive}, gaps of ${gaps.fromMs} to ${gaps.toMs} ms`, async (t) => {
      // Not a trusted peer, so that keepalive is the limit that counts.
      const args = ["cases", "-w", "2", "--keep-alive", keepAlive, "--forwarded-allow-ips", "192.0.2.1"];
      const server = await Server.start(t, "tunicorn", { args });
      const nginx = await Nginx.start(t, laneSite(server, documentedSite("proxy_pass", targetOf(server)), gaps.lanes, NGINX_SECONDS));
      const { failures, reused, renewed } = await askWithGaps(nginx.port, gaps);
      assert.deepEqual(failures, []);
      assert.ok(renewed > 0, `reused=${reused} renewed=${renewed}`);
    }),
  );
  await Promise.all(runs);
});
