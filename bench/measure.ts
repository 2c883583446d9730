import { scheduleArrivals } from "./arrivals.ts";
import { type ClosedLoopResult, runClosedLoop } from "./closed-loop.ts";
import { runHttp2Load } from "./http2-load.ts";
import { openIdleConnections } from "./idle-connections.ts";
import type { MetricValues } from "./metrics.ts";
import { runOpenLoop } from "./open-loop.ts";
import type { ClosedLoop, Http2, Idle, Mixed, Scenario, Start, Websocket } from "./scenarios.ts";
import { type RunningServer, StartError, type Surroundings, startServer } from "./server-process.ts";
import type { ServeCase, ServerSpec } from "./servers.ts";
import { median, percentile } from "./statistics.ts";
import { runWebsocketLoad } from "./websocket-load.ts";

/** Before anything is measured: caches of the interpreter and of the server fill within it. */
const WARM_UP_SECONDS = 1;
/** Clients of wrk where the scenario does not say. */
const USUAL_CONNECTIONS = 32;
/** Share of slow requests in mixed load: one of so many. */
const SLOW_EVERY = 100;
/** An open loop has a few hundred requests a second, so its p99 needs a longer run than a closed loop's median. */
const MIXED_SECONDS_FACTOR = 3;
/** Starts of one server in one round, of which the median counts. */
const STARTS_PER_ROUND = 3;

/** What one turn of one server gave. */
export interface Measurement {
  readonly values: MetricValues;
  readonly failures: readonly string[];
}

/** What all measurements of a run share. */
export interface MeasureContext {
  readonly surroundings: Surroundings;
  /** Whole seconds of load. */
  readonly seconds: number;
}

function threadsOf(scenario: Scenario): ServeCase["threads"] {
  if (scenario.kind === "mixed") return "one";
  return (scenario.kind === "closed-loop" ? scenario.threads : undefined) ?? "best";
}

function protocolByTls(scenario: Scenario): ServeCase["tls"] {
  if (scenario.kind === "http2") return "h2";
  return scenario.kind === "closed-loop" && scenario.tls === true ? "http/1.1" : undefined;
}

function serveCase(scenario: Scenario): Omit<ServeCase, "port"> & { oneCpu: boolean } {
  return {
    app: scenario.app,
    workers: scenario.workers,
    threads: threadsOf(scenario),
    greenlets: scenario.kind === "closed-loop" && scenario.greenlets === true,
    connections: "connections" in scenario ? scenario.connections : USUAL_CONNECTIONS,
    idle: scenario.kind === "idle",
    accessLog: scenario.kind === "closed-loop" && scenario.accessLog,
    admin: scenario.kind === "closed-loop" && scenario.admin === true,
    jsonLog: scenario.kind === "closed-loop" && scenario.jsonLog === true,
    preload: scenario.kind === "memory" && scenario.preload,
    tls: protocolByTls(scenario),
    oneCpu: scenario.kind === "closed-loop" && scenario.oneCpu,
  };
}

/**
 * Starts the server, lets `use` do its work with it and stops it. Whatever goes wrong becomes a failure of the measurement.
 *
 * @returns undefined when the server cannot do what the scenario asks
 */
async function withServer(
  spec: ServerSpec,
  scenario: Scenario,
  context: MeasureContext,
  use: (server: RunningServer) => Promise<Measurement>,
): Promise<Measurement | undefined> {
  let server: RunningServer | undefined;
  let measured: Measurement;
  try {
    server = await startServer(spec, serveCase(scenario), context.surroundings);
    if (server === undefined) return undefined;
    measured = await use(server);
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    measured = { values: {}, failures: [error instanceof StartError ? what : `the measurement failed: ${what}`] };
  }
  const complaints = (await server?.stop()) ?? [];
  return { values: measured.values, failures: [...measured.failures, ...complaints] };
}

function closedLoopValues(result: ClosedLoopResult): MetricValues {
  return { "requests/s": result.requestsPerSecond, "p50 us": result.p50Us, "p90 us": result.p90Us, "p99 us": result.p99Us };
}

async function measureClosedLoop(server: RunningServer, scenario: ClosedLoop, context: MeasureContext): Promise<Measurement> {
  const { connections, headers, oneCpu, tls } = scenario;
  const run = { port: server.port, connections, headers, oneCpu, tls };
  await runClosedLoop({ ...run, seconds: WARM_UP_SECONDS });
  const result = await runClosedLoop({ ...run, seconds: context.seconds });
  return { values: closedLoopValues(result), failures: result.failures };
}

async function measureMixed(server: RunningServer, scenario: Mixed, context: MeasureContext, load: MixedLoad): Promise<Measurement> {
  await runClosedLoop({ port: server.port, connections: USUAL_CONNECTIONS, headers: 2, seconds: WARM_UP_SECONDS });
  const arrivals = scheduleArrivals({ ...load, seconds: context.seconds * MIXED_SECONDS_FACTOR, slowEvery: SLOW_EVERY });
  const { fastUs, failures } = await runOpenLoop({ port: server.port, arrivals, slowPath: scenario.slowPath });
  if (fastUs.length === 0) return { values: {}, failures };
  return {
    values: { "p50 us": percentile(fastUs, 0.5), "p90 us": percentile(fastUs, 0.9), "p99 us": percentile(fastUs, 0.99) },
    failures,
  };
}

async function measureStart(spec: ServerSpec, scenario: Start, context: MeasureContext): Promise<Measurement | undefined> {
  const startsMs: number[] = [];
  const failures: string[] = [];
  for (let count = 0; count < STARTS_PER_ROUND; count += 1) {
    const measured = await withServer(spec, scenario, context, async ({ startMs }) => ({ values: { "start ms": startMs }, failures: [] }));
    if (measured === undefined) return undefined;
    failures.push(...measured.failures);
    const startMs = measured.values["start ms"];
    if (startMs !== undefined) startsMs.push(startMs);
  }
  return { values: startsMs.length === 0 ? {} : { "start ms": median(startsMs) }, failures };
}

async function measureWebsocket({ port }: RunningServer, scenario: Websocket, { seconds }: MeasureContext): Promise<Measurement> {
  const { path, connections } = scenario;
  const { messagesPerSecond, failures } = await runWebsocketLoad({ port, path, connections, warmUpSeconds: WARM_UP_SECONDS, seconds });
  return { values: { "messages/s": messagesPerSecond }, failures };
}

async function measureHttp2({ port }: RunningServer, { connections, streams }: Http2, { seconds }: MeasureContext): Promise<Measurement> {
  const load = { port, connections, streams, warmUpSeconds: WARM_UP_SECONDS, seconds };
  const { requestsPerSecond, failures } = await runHttp2Load(load);
  return { values: { "requests/s": requestsPerSecond }, failures };
}

async function measureMemory(server: RunningServer, context: MeasureContext): Promise<Measurement> {
  const { failures } = await runClosedLoop({
    port: server.port,
    connections: USUAL_CONNECTIONS,
    headers: 12,
    seconds: WARM_UP_SECONDS + context.seconds,
  });
  return { values: { "PSS MB": server.pssBytes() / 1e6 }, failures };
}

async function measureIdle(server: RunningServer, scenario: Idle, context: MeasureContext): Promise<Measurement> {
  const busy = () => runClosedLoop({ port: server.port, connections: USUAL_CONNECTIONS, headers: 2, seconds: context.seconds });
  await runClosedLoop({ port: server.port, connections: USUAL_CONNECTIONS, headers: 2, seconds: WARM_UP_SECONDS });
  const before = await busy();
  const bytesBefore = server.pssBytes();
  const idle = await openIdleConnections(server.port, scenario.connections);
  const beside = await busy();
  const bytes = server.pssBytes() - bytesBefore;
  const lost = idle.close();
  const after = await busy();
  const failures = [before, beside, after].flatMap((result) => result.failures);
  if (lost > 0) failures.push(`${lost} idle connections were closed`);
  const without = (before.requestsPerSecond + after.requestsPerSecond) / 2;
  return {
    values: {
      ...closedLoopValues(beside),
      "KB/connection": bytes / scenario.connections / 1000,
      "busy ratio": beside.requestsPerSecond / without,
    },
    failures,
  };
}

/** The load of one round of a mixed scenario, the same for all servers. */
export interface MixedLoad {
  readonly ratePerSecond: number;
  readonly seed: number;
}

/** How many requests of the mixture a server answers when all clients ask as fast as they can; undefined when it cannot do the scenario. */
export function measureCapacity(spec: ServerSpec, scenario: Mixed, context: MeasureContext): Promise<Measurement | undefined> {
  return withServer(spec, scenario, context, async ({ port }) => {
    const slow = { path: scenario.slowPath, every: SLOW_EVERY };
    const result = await runClosedLoop({
      port,
      connections: USUAL_CONNECTIONS,
      headers: 2,
      seconds: WARM_UP_SECONDS + context.seconds,
      slow,
    });
    return { values: closedLoopValues(result), failures: result.failures };
  });
}

/**
 * One turn of one server.
 *
 * @param load  for a mixed scenario
 * @returns     undefined when the server cannot do the scenario
 */
export function measure(
  spec: ServerSpec,
  scenario: Scenario,
  context: MeasureContext,
  load: MixedLoad | undefined,
): Promise<Measurement | undefined> {
  switch (scenario.kind) {
    case "closed-loop":
      return withServer(spec, scenario, context, (server) => measureClosedLoop(server, scenario, context));
    case "mixed":
      if (load === undefined) throw new Error(`no load was chosen for ${scenario.id}`);
      return withServer(spec, scenario, context, (server) => measureMixed(server, scenario, context, load));
    case "start":
      return measureStart(spec, scenario, context);
    case "idle":
      return withServer(spec, scenario, context, (server) => measureIdle(server, scenario, context));
    case "websocket":
      return withServer(spec, scenario, context, (server) => measureWebsocket(server, scenario, context));
    case "http2":
      return withServer(spec, scenario, context, (server) => measureHttp2(server, scenario, context));
    case "memory":
      return withServer(spec, scenario, context, (server) => measureMemory(server, context));
  }
}
