/** Five minutes of reloads under load, from any worker class to any other: not one request fails, and nothing piles up. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { openFiles, ReloadSite, startAsking } from "./reload-site.ts";

const SOAK_MS = 300_000;
const CLASSES: readonly Readonly<Record<string, string>>[] = [
  {},
  { threads: "4" },
  { worker_class: '"asgi"', wsgi_app: '"reload_site:asgi"' },
  { worker_class: '"tornado"' },
  { preload_app: "True" },
];

test("reloads without end", async (t) => {
  const site = new ReloadSite(t, { workers: "2" });
  const server = await site.start("tunicorn");
  const load = startAsking(site.address, 8);
  const endMs = Date.now() + SOAK_MS;
  const counts: { master: number; nursery: number }[] = [];
  for (let round = 0; Date.now() < endMs; round++) {
    for (const settings of CLASSES) {
      site.configure({ ...settings, bind: `["unix:${site.address}", "unix:${join(site.folder, `${round % 3}.sock`)}"]` });
      await site.reload();
    }
    counts.push({ master: openFiles(server.pid), nursery: openFiles(server.nursery() ?? 0) });
  }
  await load.stop();
  t.diagnostic(`${load.answers()} requests, ${counts.length * CLASSES.length} reloads`);
  assert.deepEqual(load.failures, []);
  // The first round opens what every later one has, too.
  assert.ok((counts.at(-1)?.master ?? 0) <= (counts[0]?.master ?? 0) + 2, JSON.stringify(counts));
  assert.ok((counts.at(-1)?.nursery ?? 0) <= (counts[0]?.nursery ?? 0) + 2, JSON.stringify(counts));
});
