/** The short version, with small limits; upstream-keepalive.soak.ts has the usual ones. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "./harness.ts";
import { documentedSite, Nginx, targetOf } from "./nginx.ts";
import { askWithGaps, type Gaps, laneSite } from "./upstream-keepalive.ts";

const LANES = 12;

interface Scenario {
  readonly name: string;
  readonly keepAlive: string;
  readonly nginxSeconds: number;
  readonly gaps: Gaps;
}

const SCENARIOS: readonly Scenario[] = [
  // Most gaps are near the limit; the others leave room for a busy machine, so that both sides of it are met.
  // nginx repeats what is safe to repeat on another connection: a request that meets the close is not lost.
  {
    name: "the server closes first",
    keepAlive: "1",
    nginxSeconds: 60,
    gaps: { lanes: LANES, requests: 6, fromMs: 400, toMs: 1400, methods: ["GET"] },
  },
  {
    name: "nginx closes first",
    keepAlive: "75",
    nginxSeconds: 1,
    gaps: { lanes: LANES, requests: 8, fromMs: 600, toMs: 1200, methods: ["GET", "POST"] },
  },
  {
    name: "the server keeps no connection",
    keepAlive: "0",
    nginxSeconds: 60,
    gaps: { lanes: LANES, requests: 20, fromMs: 0, toMs: 20, methods: ["GET", "POST"] },
  },
];

for (const { name, keepAlive, nginxSeconds, gaps } of SCENARIOS) {
  test(`no 502 when ${name}`, async (t) => {
    // Not a trusted peer, so that keepalive is the limit that counts.
    const args = ["cases", "-w", "2", "--keep-alive", keepAlive, "--forwarded-allow-ips", "192.0.2.1"];
    const server = await Server.start(t, "tunicorn", { args });
    const nginx = await Nginx.start(t, laneSite(server, documentedSite("proxy_pass", targetOf(server)), gaps.lanes, nginxSeconds));
    const { failures, reused, renewed } = await askWithGaps(nginx.port, gaps);
    assert.deepEqual(failures, []);
    // Both sides of the limit were met.
    assert.ok(renewed > 0 && (reused > 0 || keepAlive === "0"), `reused=${reused} renewed=${renewed}`);
  });
}
