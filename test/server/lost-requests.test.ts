/** No request is lost by what happens in a server's life: short runs of what `lost-requests.soak.ts` does for long, and beside Gunicorn. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { killQuietly } from "../../bench/process-tree.ts";
import { waitUntil } from "./deadline.ts";
import { Server, temporaryFolder } from "./harness.ts";
import { exchange, get } from "./http-client.ts";
import { mostInFlight, SCENARIOS, type Scenario, startScenario } from "./lost-requests.ts";
import { failuresOf, quantileMs, startRawLoad } from "./raw-load.ts";

/** Few enough for a machine that has much else to do. */
const RATE = 80;
/** Kills come once: on a slow machine the second would meet what has not recovered from the first. */
const ONCE_MS = 600_000;
const FLAP_MS = 200;
/** When it has happened, and the server has recovered. Other files test the other scenarios under load: upgrades, max_requests, reloads. */
const HAPPENED: Readonly<Record<string, (server: Server) => boolean>> = {
  "TTIN, TTOU every 0.2 s": (server) => server.countLines(/Handling signal: tt(in|ou)/) >= 4,
  "max_worker_memory, 256 KiB per request": (server) =>
    server.countLines(/worker has done its time/) >= 1 && server.countLines(/worker ready worker=/) >= 3,
  "kill -9 of a worker every second, 50 ms, retry on": hasLostOne,
  "kill -9 of a worker every second, 50 ms": hasLostOne,
  "kill -9 of the gateway every 3 s, 50 ms": (server) =>
    server.countLines(/gateway died/) >= 1 && server.countLines(/gateway up pid=/) >= 2,
  "kill -9 of the nursery every 3 s": (server) => server.countLines(/nursery replaced/) >= 1,
};

function hasLostOne(server: Server): boolean {
  return server.countLines(/was sent SIGKILL!/) >= 1 && server.countLines(/worker ready worker=/) >= 3;
}

const scenario = (name: string): Scenario => SCENARIOS.find((each) => each.name === name) ?? assert.fail(name);

for (const [name, hasHappened] of Object.entries(HAPPENED)) {
  test(`under load: ${name}`, async (t) => {
    const { disturb, path, allowed, ...rest } = scenario(name);
    const disturbed = await startScenario(t, "tunicorn", { ...rest, disturb, args: [...rest.args, "--log-level", "debug"] });
    const { server } = disturbed;
    await server.workersReady(2);
    const load = await startRawLoad(t, server.address, RATE, path);
    let over = false;
    t.after(() => {
      over = true; // also when the test has failed: it would go on for ever
    });
    const done = disturb(t, disturbed, () => over, name.startsWith("TT") ? FLAP_MS : ONCE_MS);
    await waitUntil("waiting until it has happened often enough", () => hasHappened(server));
    over = true;
    const times = await done;
    const result = await load.stop();
    const { count, failures } = allowed?.(times, mostInFlight(RATE, quantileMs(result, 1))) ?? { count: 0, failures: [] };
    assert.deepEqual(
      [Object.keys(result.failures).filter((failure) => !failures.includes(failure)), failuresOf(result) <= count],
      [[], true],
      `${JSON.stringify(result.failures)}\n${server.output()}`,
    );
    assert.ok(result.requests > 0);
    assert.equal((await server.exchange(get("/"))).status, 200);
  });
}

test("kill -9 of the arbiter under load: nothing stays, and the next server has the unix socket", async (t) => {
  const path = join(temporaryFolder(t), "site.sock");
  const start = () => Server.start(t, "tunicorn", { args: ["-w", "2", "lost_site:app"], bind: `unix:${path}` });
  const server = await start();
  const load = await startRawLoad(t, path, RATE);
  killQuietly(server.pid);
  await server.nothingLeft();
  await load.stop();
  assert.ok(existsSync(path), "only a master that stops removes it");
  const next = await start();
  assert.equal((await exchange(path, get("/"))).status, 200);
  await next.stop();
  assert.equal(existsSync(path), false);
});
