/** The pages for probes and scrapers: `/livez`, `/readyz`, `/metrics`, `/status`. */

import { PROMETHEUS_TYPE, PrometheusText, type Sample } from "../telemetry/prometheus.ts";
import type { ShownWorkerState, Sight } from "./sight.ts";

export interface AdminPage {
  readonly status: 200 | 503;
  /** Content-Type. */
  readonly type: string;
  readonly body: string;
}

const WORKER_STATES: readonly ShownWorkerState[] = ["booting", "ready", "leaving", "dying"];
const TEXT_TYPE = "text/plain; charset=utf-8";

type Look = () => Sight;

const PAGES: Readonly<Record<string, (look: Look) => AdminPage>> = {
  // That this runs at all is the answer.
  livez: () => ({ status: 200, type: TEXT_TYPE, body: "ok\n" }),
  readyz: (look) => {
    const { ready, reasons } = look().readiness;
    return { status: ready ? 200 : 503, type: TEXT_TYPE, body: ready ? "ok\n" : `not ready\n${reasons.map((why) => `${why}\n`).join("")}` };
  },
  metrics: (look) => ({ status: 200, type: PROMETHEUS_TYPE, body: metricsText(look()) }),
  status: (look) => ({ status: 200, type: "application/json", body: `${JSON.stringify(statusOf(look()), undefined, 2)}\n` }),
};

/**
 * @param name  `"readyz"`
 * @param look  Called when the page needs it.
 * @returns     undefined: there is no such page.
 */
export function adminPage(name: string, look: Look): AdminPage | undefined {
  return Object.hasOwn(PAGES, name) ? PAGES[name]?.(look) : undefined;
}

function metricsText(sight: Sight): string {
  const out = new PrometheusText();
  trafficMetrics(out, sight);
  loadMetrics(out, sight);
  processMetrics(out, sight);
  return out.text;
}

function trafficMetrics(out: PrometheusText, { traffic }: Sight): void {
  const classes = traffic.requests.map((count, digit): Sample => [{ code: digit === 0 ? "none" : `${digit}xx` }, count]);
  out.counter("tunicorn_requests_total", "Requests that are over, by the class of their status.", classes.slice(1));
  out.histogram("tunicorn_request_duration_seconds", "From a request's head to the end of its answer.", traffic.durations);
  out.histogram("tunicorn_queue_duration_seconds", "What requests waited for a worker.", traffic.waits);
  out.counter("tunicorn_connections_accepted_total", "Connections of clients so far.", [[{}, traffic.connections]]);
  out.counter("tunicorn_received_bytes_total", "Bytes from clients, behind TLS.", [[{}, traffic.receivedBytes]]);
  out.counter("tunicorn_sent_bytes_total", "Bytes to clients, before TLS.", [[{}, traffic.sentBytes]]);
}

function loadMetrics(out: PrometheusText, { gateways, workers, ...sight }: Sight): void {
  const sum = (of: (gateway: Sight["gateways"][number]) => number) => gateways.reduce((total, gateway) => total + of(gateway), 0);
  out.gauge("tunicorn_requests_in_flight", "Requests that are not answered.", [[{}, sum(({ inFlight }) => inFlight)]]);
  out.gauge("tunicorn_queue_depth", "Requests that wait for a worker.", [[{}, sum(({ queued }) => queued)]]);
  out.gauge("tunicorn_connections", "Open connections of clients.", [[{}, sum(({ connections }) => connections)]]);
  out.gauge("tunicorn_ready", "1 when clients should be sent here.", [[{}, sight.readiness.ready ? 1 : 0]]);
  const inState = (state: string) => workers.filter((worker) => worker.state === state).length;
  const byState = WORKER_STATES.map((state): Sample => [{ state }, inState(state)]);
  out.gauge("tunicorn_workers", "Workers by state.", byState);
  out.gauge("tunicorn_workers_wanted", "Workers that there should be.", [[{}, sight.workersWanted]]);
  out.gauge("tunicorn_generation", "Generation of the workers, one more with each reload.", [[{}, sight.generation]]);
  out.gauge("tunicorn_reloading", "1 while a reload is under way.", [[{}, sight.reloading ? 1 : 0]]);
  const restarts = Object.entries(sight.restarts).map(([reason, count]): Sample => [{ reason }, count]);
  out.counter("tunicorn_worker_restarts_total", "Workers that others have taken the place of, by reason.", restarts);
  out.counter("tunicorn_gateway_restarts_total", "Gateways that died and were replaced.", [[{}, sight.gatewayRestarts]]);
  out.counter("tunicorn_nursery_restarts_total", "Nurseries that died and were replaced.", [[{}, sight.nurseryRestarts]]);
}

function processMetrics(out: PrometheusText, { version, startedS, processes, workers, gateways }: Sight): void {
  // A gateway's pid tells several of them apart; a worker has its number.
  const memory = [
    ...processes.map(({ role, pid, residentBytes }) => [{ process: role, id: role === "gateway" ? pid : "" }, residentBytes] as const),
    ...workers.map(({ worker, residentBytes }) => [{ process: "worker", id: worker }, residentBytes] as const),
  ];
  const known = memory.flatMap(([labels, bytes]): Sample[] => (bytes === undefined ? [] : [[labels, bytes]]));
  out.gauge("tunicorn_process_resident_memory_bytes", "Memory of each process; what processes share counts in each of them.", known);
  const lags = [
    ...gateways.map(({ pid, lagS }): Sample => [{ process: "gateway", id: pid }, lagS]),
    ...workers.flatMap(({ worker, lagS }): Sample[] => (lagS === undefined ? [] : [[{ process: "worker", id: worker }, lagS]])),
  ];
  out.gauge("tunicorn_event_loop_lag_seconds", "How late an event loop was in the last second, at worst.", lags);
  out.gauge("tunicorn_start_time_seconds", "When the master was started, in seconds since 1970.", [[{}, startedS]]);
  out.gauge("tunicorn_build_info", "Always 1.", [[{ version, node: process.versions.node }, 1]]);
}

/** The same as JSON, with Prometheus' manner of naming. */
function statusOf(sight: Sight): object {
  const { traffic, readiness, gateways, workers, processes } = sight;
  return {
    version: sight.version,
    uptime_s: Math.round(Date.now() / 1000 - sight.startedS),
    ready: readiness.ready,
    reasons: readiness.reasons,
    phase: sight.phase,
    generation: sight.generation,
    reloading: sight.reloading,
    workers_wanted: sight.workersWanted,
    workers: workers.map(({ worker, pid, generation, state, ageS, residentBytes, lagS }) => ({
      worker,
      pid: pid ?? null,
      generation,
      state,
      age_s: Math.round(ageS * 10) / 10,
      resident_bytes: residentBytes ?? null,
      ...(lagS === undefined ? {} : { lag_s: lagS }),
    })),
    gateways: gateways.map(({ pid, connections, inFlight, queued, lagS }) => ({
      pid,
      connections,
      in_flight: inFlight,
      queued,
      lag_s: lagS,
    })),
    processes: processes.map(({ role, pid, residentBytes }) => ({ role, pid, resident_bytes: residentBytes ?? null })),
    requests: Object.fromEntries(traffic.requests.slice(1).map((count, index) => [`${index + 1}xx`, count])),
    connections_accepted: traffic.connections,
    received_bytes: traffic.receivedBytes,
    sent_bytes: traffic.sentBytes,
    worker_restarts: sight.restarts,
    gateway_restarts: sight.gatewayRestarts,
    nursery_restarts: sight.nurseryRestarts,
  };
}
