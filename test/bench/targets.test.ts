import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SCENARIOS } from "../../bench/scenarios.ts";
import { SERVERS } from "../../bench/servers.ts";
import { findTarget, meetsTarget, TARGETS } from "../../bench/targets.ts";

describe("TARGETS", () => {
  for (const target of TARGETS) {
    const { scenario, metric, peer } = target;
    test(`${scenario} ${metric} against ${peer} stands in the table`, () => {
      const shown = SCENARIOS.filter((one) => scenario.test(one.id) && one.shown.includes(metric));
      assert.notEqual(shown.length, 0);
      assert.ok(SERVERS.some((server) => peer.test(server.name)));
    });
  }
});

describe("findTarget", () => {
  const TABLE = [
    { scenario: "hello-w2-c32-h12", metric: "requests/s", peer: "granian", node: 20, limit: 0.95 },
    { scenario: "hello-w2-c32-h2-log", metric: "requests/s", peer: "granian", node: 20, limit: undefined },
    { scenario: "mixed-burn", metric: "p99 us", peer: "waitress", node: 20, limit: 1 },
    { scenario: "mixed-burn", metric: "p50 us", peer: "waitress", node: 20, limit: undefined },
    { scenario: "start-hello", metric: "start ms", peer: "gunicorn-sync", node: 20, limit: 2 },
    { scenario: "start-hello", metric: "start ms", peer: "gunicorn-sync", node: 24, limit: 1.4 },
    { scenario: "memory-flask-w8-preload", metric: "PSS MB", peer: "gunicorn-sync", node: 22, limit: 1.25 },
    { scenario: "memory-flask-w8", metric: "PSS MB", peer: "gunicorn-gthread", node: 22, limit: undefined },
  ] as const;
  for (const { scenario, metric, peer, node, limit } of TABLE) {
    test(`${scenario} ${metric} against ${peer} on Node ${node}: ${limit ?? "none"}`, () => {
      assert.equal(findTarget(scenario, metric, peer, node)?.limit, limit);
    });
  }
});

describe("meetsTarget", () => {
  const common = { scenario: /x/, peer: /y/, limit: 1.25 };
  const TABLE = [
    { metric: "requests/s", ratio: 1.25, met: true },
    { metric: "requests/s", ratio: 1.24, met: false },
    { metric: "PSS MB", ratio: 1.25, met: true },
    { metric: "PSS MB", ratio: 1.26, met: false },
  ] as const;
  for (const { metric, ratio, met } of TABLE) {
    test(`${ratio} of 1.25 in ${metric} is ${met ? "good enough" : "not enough"}`, () => {
      assert.equal(meetsTarget({ ...common, metric }, ratio), met);
    });
  }
});
