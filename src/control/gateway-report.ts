/** What gateways say of themselves (docs/internals/channels.md §2, `report`), joined. */

/** A request that a gateway holds. */
export interface ReportedRequest {
  readonly method: string;
  readonly target: string;
  readonly id: number;
  /** Where requests have ids (`request_id_header`, JSON lines). */
  readonly requestId?: string;
  readonly ageMs: number;
  readonly state: "receiving" | "queued" | "running";
  readonly worker?: number;
}

export interface ReportedWorker {
  readonly worker: number;
  readonly requests: number;
  readonly inFlight: number;
  readonly silentMs: number;
}

export interface GatewayReport {
  /** The oldest first. */
  readonly requests: readonly ReportedRequest[];
  readonly more: number;
  readonly queued: number;
  readonly answered: number;
  readonly connections: number;
  readonly accepted: number;
  readonly workers: readonly ReportedWorker[];
}

/** Of all gateways. */
export interface JoinedReport extends GatewayReport {
  /** Pids of those that have answered, and of those that have not in time. */
  readonly heard: readonly number[];
  readonly silent: readonly number[];
}

/** Requests in an answer: what one gateway tells, so that a screen's worth is there however many gateways there are. */
const REQUESTS_SHOWN_MAX = 200;

/** @param reports  By the gateway's pid; undefined: it has not answered in time. */
export function joinReports(reports: readonly (readonly [number, GatewayReport | undefined])[]): JoinedReport {
  const parts = reports.flatMap(([, report]) => report ?? []);
  const requests = parts.flatMap((part) => part.requests).sort((one, other) => other.ageMs - one.ageMs);
  const shown = requests.slice(0, REQUESTS_SHOWN_MAX);
  const sum = (count: (report: GatewayReport) => number): number => parts.reduce((total, part) => total + count(part), 0);
  return {
    requests: shown,
    more: sum(({ more }) => more) + requests.length - shown.length,
    queued: sum(({ queued }) => queued),
    answered: sum(({ answered }) => answered),
    connections: sum(({ connections }) => connections),
    accepted: sum(({ accepted }) => accepted),
    workers: joinWorkers(parts.flatMap((part) => part.workers)),
    heard: reports.flatMap(([pid, report]) => (report === undefined ? [] : [pid])),
    silent: reports.flatMap(([pid, report]) => (report === undefined ? [pid] : [])),
  };
}

/** A worker serves all gateways; it is as silent as the one says that waits for it longest. */
function joinWorkers(parts: readonly ReportedWorker[]): ReportedWorker[] {
  const joined = new Map<number, ReportedWorker>();
  for (const part of parts) {
    const before = joined.get(part.worker);
    if (before === undefined) joined.set(part.worker, part);
    else
      joined.set(part.worker, {
        worker: part.worker,
        requests: before.requests + part.requests,
        inFlight: before.inFlight + part.inFlight,
        silentMs: Math.max(before.silentMs, part.silentMs),
      });
  }
  return [...joined.values()];
}
