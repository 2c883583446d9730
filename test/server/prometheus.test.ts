/** prometheus_client's multiprocess mode, as its manual says: counters of all workers that ever were, gauges of those that live. */

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { KINDS, Server, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";

/** From the manual. */
const CONFIG = `
from prometheus_client import multiprocess

def child_exit(server, worker):
    multiprocess.mark_process_dead(worker.pid)
`;
const WORKERS = 2;

interface Metrics {
  readonly requests: number;
  readonly workers: number;
}

/** @returns undefined when prometheus_client met the file of a worker that was just making it, which it does not expect. */
async function metrics(server: Server): Promise<Metrics | undefined> {
  const { status, body } = await server.exchange(get("/metrics"));
  if (status === 500) return undefined;
  assert.equal(status, 200, body);
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(body)?.[1] ?? 0);
  return { requests: value("site_requests_total"), workers: value("site_workers") };
}

for (const kind of KINDS) {
  test(`${kind}: metrics through kills and reloads`, async (t) => {
    const folder = temporaryFolder(t);
    const config = join(folder, "conf.py");
    writeFileSync(config, CONFIG);
    const files = join(folder, "metrics");
    mkdirSync(files);
    const server = await Server.start(t, kind, {
      args: ["-c", config, "-w", String(WORKERS), "prometheus_site:app"],
      env: { PROMETHEUS_MULTIPROC_DIR: files },
    });
    let asked = 0;
    const settle = async (): Promise<void> => {
      for (let count = 0; count < 6; count += 1, asked += 1) assert.equal((await server.exchange(get("/"))).status, 200);
      await waitUntil("waiting for the living workers to be counted", async () => (await metrics(server))?.workers === WORKERS);
      const requests = await waitUntil("waiting for the metrics", async () => (await metrics(server))?.requests);
      assert.equal(requests, asked);
    };
    await settle();
    for (const disturb of [
      () => process.kill(server.workers()[0] ?? assert.fail("no worker"), "SIGKILL"),
      () => server.signal("SIGHUP"),
      ...(kind === "tunicorn" ? [() => process.kill(server.nursery() ?? assert.fail("no nursery"), "SIGKILL")] : []),
    ]) {
      const before = server.workers();
      disturb();
      await waitUntil("waiting for other workers", () => {
        const now = server.workers();
        return now.length === WORKERS && now.join() !== before.join();
      });
      // Requests that a killed worker was about to begin are lost with Gunicorn: none is sent before the next is there.
      await settle();
    }
  });
}
