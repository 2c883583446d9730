/** How long a stop takes: measured where nothing else runs. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverWithSilentClients } from "./silent-clients.ts";

const STOPS = 10;
/** Well under a second; each of the limits that it could wait for is a second or more. */
const STOP_MS_MAX = 1000;

test("TERM with clients that say nothing: from the signal to the end of all processes", async (t) => {
  const times: number[] = [];
  for (let stop = 0; stop < STOPS; stop++) {
    const server = await serverWithSilentClients(t);
    const startedMs = performance.now();
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    times.push(performance.now() - startedMs);
  }
  t.diagnostic(`stops took ${times.map((ms) => ms.toFixed(0)).join(", ")} ms`);
  assert.ok(Math.max(...times) < STOP_MS_MAX, `${Math.max(...times)} ms`);
});
