/** Reloads a server of two workers while clients ask: nobody notices. */

import assert from "node:assert/strict";
import { waitUntil } from "./deadline.ts";
import type { Server } from "./harness.ts";
import { get } from "./http-client.ts";

const CLIENTS = 8;

export async function reloadUnderLoad(server: Server): Promise<void> {
  const before = server.workers();
  const statuses: number[] = [];
  let over = false;
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (!over) statuses.push((await server.exchange(get("/nap?seconds=0.002"))).status);
  });
  server.signal("SIGHUP");
  await waitUntil("waiting for new workers", () => {
    const now = server.workers();
    return now.length === 2 && now.every((pid) => !before.includes(pid));
  });
  over = true;
  await Promise.all(clients);
  assert.deepEqual(
    statuses.filter((status) => status !== 200),
    [],
  );
  assert.ok(statuses.length > 0);
}
