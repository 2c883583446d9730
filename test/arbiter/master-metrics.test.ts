import assert from "node:assert/strict";
import { test } from "node:test";
import { MasterMetrics } from "../../src/arbiter/master-metrics.ts";
import { resolvedOf } from "./settings-of.ts";

function stage() {
  const sent: object[] = [];
  return { sent, metrics: new MasterMetrics((message) => sent.push(message)) };
}

test("without statsd_host nothing is sent", () => {
  const { sent, metrics } = stage();
  metrics.change(resolvedOf(["app"]).settings);
  metrics.line("error");
  metrics.gauge("gunicorn.workers", 2);
  assert.deepEqual(sent, []);
});

test("levels that count, and gauges, through the nursery", () => {
  const { sent, metrics } = stage();
  metrics.change(resolvedOf(["--statsd-host", "127.0.0.1", "--statsd-prefix", "app", "--dogstatsd-tags", "a:1", "app"]).settings);
  for (const level of ["debug", "info", "warning", "error", "critical"] as const) metrics.line(level);
  metrics.gauge("gunicorn.workers", 2);
  const datagrams = ["log.warning:1|c|@1.0", "log.error:1|c|@1.0", "log.critical:1|c|@1.0", "workers:2|g"];
  assert.deepEqual(
    sent,
    datagrams.map((text) => ({ cmd: "metrics", datagrams: [`app.gunicorn.${text}|#a:1`] })),
  );
  metrics.change(resolvedOf(["app"]).settings);
  metrics.line("error");
  assert.equal(sent.length, 4);
});
