import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayReports } from "../../src/arbiter/gateway-reports.ts";
import type { GatewayReport } from "../../src/control/gateway-report.ts";

const REPORT: GatewayReport = { requests: [], more: 0, queued: 1, answered: 2, connections: 3, accepted: 4, workers: [] };

test("no gateway, no report", async () => assert.equal(await new GatewayReports().ask([]), undefined));

test("questions have numbers: each answer goes to whoever asked, late ones and strange ones nowhere", async () => {
  const reports = new GatewayReports();
  const asked: number[] = [];
  const gateway = { pid: 7, send: (message: object) => void asked.push((message as { ask: number }).ask) };
  const [first, second] = [reports.ask([gateway]), reports.ask([gateway])];
  reports.answered({ ...REPORT, ask: 99 });
  reports.answered({ ...REPORT, ask: asked[1]!, queued: 5 });
  reports.answered({ ...REPORT, ask: asked[0]! });
  assert.deepEqual([(await first)?.queued, (await second)?.queued, (await second)?.heard], [1, 5, [7]]);
  reports.answered({ ...REPORT, ask: asked[0]! });
});

test("who does not answer is named, and nobody waits for ever", async () => {
  const reports = new GatewayReports();
  const silent = { pid: 8, send: () => {} };
  const talking = { pid: 7, send: (message: object) => reports.answered({ ...REPORT, ask: (message as { ask: number }).ask }) };
  const report = await reports.ask([silent, talking]);
  assert.deepEqual([report?.heard, report?.silent, report?.connections], [[7], [8], 3]);
});
