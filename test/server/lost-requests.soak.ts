/**
 * 400 requests per second of a client that never retries, two workers, and what is done to servers in their life: how many requests that
 * costs, with Gunicorn in the same harness. The figures of docs/lost-requests.md are from here.
 *
 * `LOST_REQUESTS_S` is the length of each run, `LOST_REQUESTS_ONLY` a part of the names of those that are wanted.
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { killQuietly } from "../../bench/process-tree.ts";
import { waitUntil } from "./deadline.ts";
import { KINDS, Server, type ServerKind, temporaryFolder } from "./harness.ts";
import { exchange, get } from "./http-client.ts";
import { mostInFlight, pause, RATE, SCENARIOS, startScenario } from "./lost-requests.ts";
import { failuresOf, quantileMs, type RawResult, startRawLoad } from "./raw-load.ts";

const RUN_MS = Number(process.env.LOST_REQUESTS_S ?? 20) * 1000;
const ONLY = process.env.LOST_REQUESTS_ONLY ?? "";
/** A reload may make the longest request this much longer than the same work in an unrelated process does. */
const RELOAD_COST_MS_MAX = 250;

const rows: string[] = [
  "| what is done | server | times | requests | failed | how | p99 ms | longest ms |",
  "|---|---|---|---|---|---|---|---|",
];
const longestMs = new Map<string, number>();

function note(name: string, kind: ServerKind, times: number, result: RawResult): void {
  const how = Object.entries(result.failures).map(([failure, count]) => `${count} ${failure}`);
  const cells = [name, kind, times, result.requests, failuresOf(result), how.join(", ") || "-"];
  rows.push(`| ${[...cells, quantileMs(result, 0.99).toFixed(0), quantileMs(result, 1).toFixed(0)].join(" | ")} |`);
  longestMs.set(`${kind} ${name}`, quantileMs(result, 1));
}

for (const scenario of SCENARIOS.filter(({ name }) => name.includes(ONLY))) {
  for (const kind of KINDS.filter((each) => scenario.kinds.includes(each))) {
    test(`${kind}: ${scenario.name}`, async (t) => {
      const disturbed = await startScenario(t, kind, scenario);
      const load = await startRawLoad(t, disturbed.server.address, RATE, scenario.path);
      let over = false;
      t.after(() => {
        over = true;
      });
      const done = scenario.disturb(t, disturbed, () => over, scenario.periodMs);
      await pause(RUN_MS);
      over = true;
      const times = await done;
      const result = await load.stop();
      note(scenario.name, kind, times, result);
      if (disturbed.master !== disturbed.server.pid) {
        // The last one of a row of upgrades is not the harness's child.
        process.kill(disturbed.master, "SIGTERM");
        await disturbed.server.exit();
      }
      if (kind === "gunicorn") return;
      const { count, failures } = scenario.allowed?.(times, mostInFlight(RATE, quantileMs(result, 1))) ?? { count: 0, failures: [] };
      const unexpected = Object.keys(result.failures).filter((failure) => !failures.includes(failure));
      assert.deepEqual(
        [unexpected, failuresOf(result) <= count],
        [[], true],
        `${JSON.stringify(result.failures)}\n${disturbed.server.output()}`,
      );
    });
  }
}

for (const kind of KINDS.filter(() => "TERM with a drain delay".includes(ONLY))) {
  test(`${kind}: TERM, and a load balancer that looks away two seconds later`, async (t) => {
    const total: { requests: number; failures: Record<string, number>; latenciesMs: number[] } = {
      requests: 0,
      failures: {},
      latenciesMs: [],
    };
    const stops = Math.max(1, Math.round(RUN_MS / 5000));
    for (let stop = 0; stop < stops; stop += 1) {
      const server = await Server.start(t, kind, {
        args: ["-w", "2", ...(kind === "tunicorn" ? ["--drain-delay", "4"] : []), "lost_site:app"],
      });
      assert.equal((await server.exchange(get("/"))).status, 200);
      const load = await startRawLoad(t, server.address, RATE);
      await pause(1000);
      server.signal("SIGTERM");
      await pause(2000);
      const result = await load.stop();
      await server.exit();
      total.requests += result.requests;
      total.latenciesMs.push(...result.latenciesMs);
      for (const [failure, count] of Object.entries(result.failures)) total.failures[failure] = (total.failures[failure] ?? 0) + count;
    }
    note("TERM with a drain delay", kind, stops, total);
    if (kind === "tunicorn") assert.deepEqual(total.failures, {});
  });
}

test("kill -9 of the arbiter: nothing stays, and the next server has the socket", async (t) => {
  if (!"kill -9 of the arbiter".includes(ONLY)) return;
  const path = join(temporaryFolder(t), "site.sock");
  for (let round = 0; round < 5; round += 1) {
    const server = await Server.start(t, "tunicorn", { args: ["-w", "2", "lost_site:app"], bind: `unix:${path}` });
    assert.equal((await exchange(path, get("/"))).status, 200);
    const load = await startRawLoad(t, path, RATE);
    await pause(500);
    killQuietly(server.pid);
    await server.nothingLeft();
    await load.stop();
    await waitUntil("waiting for a socket that nobody answers", () =>
      existsSync(path)
        ? exchange(path, get("/")).then(
            () => false,
            () => true,
          )
        : true,
    );
  }
});

test("the longest request of a reload, beside that of an unrelated process that burns the same", (t) => {
  t.diagnostic(`\n${rows.join("\n")}`);
  const reload = longestMs.get("tunicorn HUP every 2 s, 1.5 s import");
  const burner = longestMs.get("tunicorn burner beside it");
  if (reload === undefined || burner === undefined) return;
  assert.ok(reload <= burner + RELOAD_COST_MS_MAX, `${reload.toFixed(0)} ms, ${burner.toFixed(0)} ms without reloads`);
});
