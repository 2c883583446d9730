import { METRICS, type MetricName } from "./metrics.ts";

/** A ratio that tunicorn must reach against one peer. */
export interface Target {
  /** Scenario ids, whole. */
  readonly scenario: RegExp;
  readonly metric: MetricName;
  /** Server names, whole. */
  readonly peer: RegExp;
  /** Smallest ratio where more is better, largest where less is better. */
  readonly limit: number;
  /** Counts only for tunicorn on these major versions of Node. */
  readonly node?: { readonly from?: number; readonly below?: number };
}

/** The "must reach" lists of the issues. */
export const TARGETS: readonly Target[] = [
  { scenario: /^hello-w2-c32-h(2|12)$/, metric: "requests/s", peer: /^granian$/, limit: 0.95 },
  { scenario: /^hello-w2-c32-h(2|12)$/, metric: "requests/s", peer: /^gunicorn-gthread$/, limit: 5 },
  { scenario: /^hello-w2-c32-h(2|12)$/, metric: "requests/s", peer: /^gunicorn-sync$/, limit: 7 },
  { scenario: /^gthread-hello-t\d+$/, metric: "requests/s", peer: /^granian$/, limit: 0.95 },
  { scenario: /^gthread-hello-t\d+$/, metric: "requests/s", peer: /^gunicorn-gthread$/, limit: 3 },
  { scenario: /^flask-w2-c32-h(2|12)$/, metric: "requests/s", peer: /^granian$/, limit: 1 },
  { scenario: /^flask-w2-c32-h(2|12)$/, metric: "requests/s", peer: /^gunicorn-gthread$/, limit: 2.2 },
  { scenario: /^django-w2-c32-h(2|12)$/, metric: "requests/s", peer: /^granian$/, limit: 1 },
  { scenario: /^asgi-w[12]-c32-h(2|12)$/, metric: "requests/s", peer: /^granian$/, limit: 0.95 },
  { scenario: /^asgi-w[12]-c32-h(2|12)$/, metric: "requests/s", peer: /^uvicorn$/, limit: 1.3 },
  { scenario: /^asgi-w[12]-c32-h(2|12)$/, metric: "requests/s", peer: /^gunicorn-asgi$/, limit: 1.5 },
  { scenario: /^fastapi-w[12]-c32-h2$/, metric: "requests/s", peer: /^granian$/, limit: 1 },
  { scenario: /^fastapi-w[12]-c32-h2$/, metric: "requests/s", peer: /^uvicorn$/, limit: 1.4 },
  { scenario: /^asgi-wait-w[12]-c512-h2$/, metric: "requests/s", peer: /^granian$/, limit: 1 },
  { scenario: /^websocket-(echo|broadcast)-c32$/, metric: "messages/s", peer: /^(uvicorn|gunicorn-asgi)$/, limit: 1 },
  { scenario: /^gevent-hello-w2-c32-h2$/, metric: "requests/s", peer: /^gunicorn-gevent$/, limit: 2 },
  { scenario: /^tls-hello-w1-c32-h2$/, metric: "requests/s", peer: /^granian$/, limit: 1 },
  { scenario: /^h2-hello-w1-c16-m8$/, metric: "requests/s", peer: /^granian$/, limit: 1 },
  { scenario: /^h2-hello-w1-c64-m1$/, metric: "requests/s", peer: /^granian$/, limit: 0.9 },
  { scenario: /^h2-hello-w1-c16-m8$/, metric: "requests/s", peer: /^gunicorn-gthread$/, limit: 10 },
  { scenario: /^hello-w2-c1-h(2|12)(-cpu1)?$/, metric: "p50 us", peer: /^gunicorn-sync$/, limit: 0.6 },
  { scenario: /^mixed-(sleep|burn)$/, metric: "p90 us", peer: /./, limit: 1 },
  { scenario: /^mixed-(sleep|burn)$/, metric: "p99 us", peer: /./, limit: 1 },
  { scenario: /^memory-flask-w8(-preload)?$/, metric: "PSS MB", peer: /^gunicorn-sync$/, limit: 1.25 },
  { scenario: /^start-hello$/, metric: "start ms", peer: /^gunicorn-sync$/, limit: 2, node: { below: 24 } },
  { scenario: /^start-hello$/, metric: "start ms", peer: /^gunicorn-sync$/, limit: 1.4, node: { from: 24 } },
];

/** The target of one row of the table, if there is one. `nodeMajor`: of the Node that runs tunicorn, `20`. */
export function findTarget(scenario: string, metric: MetricName, peer: string, nodeMajor: number): Target | undefined {
  return TARGETS.find(
    (target) =>
      target.scenario.test(scenario) &&
      target.metric === metric &&
      target.peer.test(peer) &&
      nodeMajor >= (target.node?.from ?? 0) &&
      nodeMajor < (target.node?.below ?? Number.POSITIVE_INFINITY),
  );
}

/** Whether `ratio`, ours to theirs, is good enough. */
export function meetsTarget(target: Target, ratio: number): boolean {
  return METRICS[target.metric].better === "higher" ? ratio >= target.limit : ratio <= target.limit;
}
