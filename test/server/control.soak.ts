/** How soon the control socket answers when nothing else does: measured where nothing else runs. */

import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { ControlClient } from "../../src/client/control-client.ts";
import { Controlled } from "./control.ts";
import { Server, temporaryFolder } from "./harness.ts";
import { holdRequest } from "./held-request.ts";
import { get } from "./http-client.ts";

const WORKERS = 2;
const QUEUED = 1000;
const ASKED = 100;
const MEDIAN_MS_MAX = 50;

for (const command of ["show top", "show workers", "show stats"]) {
  test(`${command} with every worker stuck and ${QUEUED} requests queued`, async (t) => {
    const path = join(temporaryFolder(t), "app.ctl");
    const server = await Server.start(t, "tunicorn", { args: ["-w", String(WORKERS), "--control-socket", path, "cases:application"] });
    const held = [await holdRequest(t, server), await holdRequest(t, server)];
    assert.equal(new Set(held.map(({ worker }) => worker)).size, WORKERS);
    const clients = Array.from({ length: QUEUED }, (): Socket => connect(Number(server.address), "127.0.0.1").on("error", () => {}));
    t.after(() => {
      for (const client of clients) client.destroy();
    });
    for (const client of clients) client.write(get("/waits"));
    await new Controlled(path).until("show queue", ({ length }) => length === QUEUED);

    const client = await ControlClient.connect(path);
    const times: number[] = [];
    for (let count = 0; count < ASKED; count += 1) {
      const startedMs = performance.now();
      await client.ask(command);
      times.push(performance.now() - startedMs);
    }
    client.close();
    times.sort((one, other) => one - other);
    const [median, worst] = [times[ASKED / 2] ?? 0, times.at(-1) ?? 0];
    t.diagnostic(`median ${median.toFixed(2)} ms, worst ${worst.toFixed(2)} ms`);
    assert.ok(median < MEDIAN_MS_MAX, `median ${median} ms`);
    for (const each of held) each.release();
  });
}

test("the whole client, from its start to its end", async (t) => {
  const path = join(temporaryFolder(t), "app.ctl");
  const server = await Server.start(t, "tunicorn", { args: ["--control-socket", path, "cases:application"] });
  const held = await holdRequest(t, server);
  const times: number[] = [];
  for (let count = 0; count < 20; count += 1) {
    const startedMs = performance.now();
    await new Controlled(path).ask("show top");
    times.push(performance.now() - startedMs);
  }
  times.sort((one, other) => one - other);
  t.diagnostic(`tunicornc -c "show top" -j: median ${times[10]?.toFixed(0)} ms`);
  held.release();
});
