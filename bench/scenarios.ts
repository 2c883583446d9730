import type { MetricName } from "./metrics.ts";

export type AppName = "hello" | "flask" | "django" | "mixed" | AsgiAppName;

/** `asgi-wait` answers after 10 ms. */
export type AsgiAppName = "asgi" | "asgi-wait" | "fastapi" | "websocket";

export function isAsgi(app: AppName): app is AsgiAppName {
  return app === "asgi" || app === "asgi-wait" || app === "fastapi" || app === "websocket";
}

/** Number of request headers, Host included: a bare client's, or a browser's with two that are new in every request. */
export type HeaderCount = 2 | 12;

interface Common {
  /** What `--only` is matched against: `hello-w2-c32-h12`. */
  readonly id: string;
  readonly app: AppName;
  readonly workers: number;
  /** The rows of the table; the other metrics are in the JSON only. */
  readonly shown: readonly MetricName[];
}

/** wrk: `connections` clients, each sends its next request when it has its answer. */
export interface ClosedLoop extends Common {
  readonly kind: "closed-loop";
  readonly connections: number;
  readonly headers: HeaderCount;
  readonly accessLog: boolean;
  /** One JSON object for each request: Tunicorn alone has that. */
  readonly jsonLog?: boolean;
  /**
   * Server and client share one CPU. On a virtual machine waking another CPU takes 40 us, which a server that closes each
   * connection hides in the connecting that wrk does not count: on one CPU the servers' own ways are compared.
   */
  readonly oneCpu: boolean;
  /** HTTP/1.1 over TLS. */
  readonly tls?: true;
  /** Threads of each worker, the same for all servers; undefined: as suits each best. */
  readonly threads?: number;
  /** With an admin port: only servers that have one. */
  readonly admin?: boolean;
  /** Only servers with workers of greenlets. */
  readonly greenlets?: boolean;
}

/**
 * Requests sent at their time whatever the server does; one of a hundred goes to `slowPath`, the others are measured.
 * `requests/s` is the capacity for the same mixture, measured with wrk before; the open loop asks for 40 % of the servers' median.
 */
export interface Mixed extends Common {
  readonly kind: "mixed";
  readonly slowPath: "/sleep" | "/burn";
}

/** From the start of the program to the first complete answer. */
export interface Start extends Common {
  readonly kind: "start";
}

/** PSS of all processes of the server after a warm-up. */
export interface Memory extends Common {
  readonly kind: "memory";
  readonly preload: boolean;
}

/**
 * `connections` clients that have had an answer and keep their connections, beside 32 busy ones. Memory is the growth of PSS between the
 * ends of two equal busy runs, without and with them: the load makes the server collect its garbage, so that no flag has to.
 */
export interface Idle extends Common {
  readonly kind: "idle";
  readonly connections: number;
}

/** Clients with a WebSocket each, in a closed loop: see `websocket-load.ts`. */
export interface Websocket extends Common {
  readonly kind: "websocket";
  readonly path: "/echo" | "/broadcast";
  readonly connections: number;
}

/** h2load: clients by TLS, each keeps so many requests open on its connection. */
export interface Http2 extends Common {
  readonly kind: "http2";
  readonly connections: number;
  readonly streams: number;
}

export type Scenario = ClosedLoop | Mixed | Start | Memory | Idle | Websocket | Http2;

function closedLoop(app: AppName, changes: Partial<Omit<ClosedLoop, "kind" | "app" | "id">> = {}): ClosedLoop {
  const { workers = 2, connections = 32, headers = 2, accessLog = false, oneCpu = false, shown = ["requests/s"] } = changes;
  const id = `${app}-w${workers}-c${connections}-h${headers}${accessLog ? "-log" : ""}${oneCpu ? "-cpu1" : ""}`;
  return { kind: "closed-loop", id, app, workers, connections, headers, accessLog, oneCpu, shown };
}

/** Workers with so many threads each. */
function threaded(threads: number): ClosedLoop {
  return { ...closedLoop("hello"), id: `gthread-hello-t${threads}`, threads };
}

/** One worker behind TLS. */
function overTls(): ClosedLoop {
  return { ...closedLoop("hello", { workers: 1 }), id: "tls-hello-w1-c32-h2", tls: true };
}

/** With an access log in JSON. */
function jsonLogged(app: AppName): ClosedLoop {
  const loop = closedLoop(app, { accessLog: true });
  return { ...loop, id: `${loop.id}-json`, jsonLog: true };
}

/** Workers of greenlets. */
function greenlets(app: AppName): ClosedLoop {
  const loop = closedLoop(app);
  return { ...loop, id: `gevent-${loop.id}`, greenlets: true };
}

/** Access log and metrics together: what they cost is the difference to the same loop without them. */
function observed(): ClosedLoop {
  const loop = closedLoop("hello", { accessLog: true });
  return { ...loop, id: `${loop.id}-metrics`, admin: true };
}

function mixed(slowPath: Mixed["slowPath"]): Mixed {
  return {
    kind: "mixed",
    id: `mixed-${slowPath.slice(1)}`,
    app: "mixed",
    workers: 4,
    slowPath,
    shown: ["requests/s", "p50 us", "p90 us", "p99 us"],
  };
}

function start(app: AppName): Start {
  return { kind: "start", id: `start-${app}`, app, workers: 1, shown: ["start ms"] };
}

function memory(workers: number, preload: boolean): Memory {
  return { kind: "memory", id: `memory-flask-w${workers}${preload ? "-preload" : ""}`, app: "flask", workers, preload, shown: ["PSS MB"] };
}

function websocket(path: Websocket["path"]): Websocket {
  const connections = 32;
  const id = `websocket-${path.slice(1)}-c${connections}`;
  return { kind: "websocket", id, app: "websocket", workers: 1, path, connections, shown: ["messages/s"] };
}

function http2(connections: number, streams: number): Http2 {
  const id = `h2-hello-w1-c${connections}-m${streams}`;
  return { kind: "http2", id, app: "hello", workers: 1, connections, streams, shown: ["requests/s"] };
}

function idle(connections: number): Idle {
  return {
    kind: "idle",
    id: `idle-${connections}`,
    app: "hello",
    workers: 2,
    connections,
    shown: ["KB/connection", "busy ratio", "requests/s"],
  };
}

/** In the order in which they run. Each closed loop differs from its application's first in one thing, or it would be 72 of them. */
export const SCENARIOS: readonly Scenario[] = [
  closedLoop("hello"),
  closedLoop("hello", { headers: 12 }),
  closedLoop("hello", { accessLog: true }),
  closedLoop("hello", { headers: 12, accessLog: true }),
  observed(),
  jsonLogged("hello"),
  closedLoop("hello", { workers: 1 }),
  closedLoop("hello", { connections: 1, shown: ["p50 us"] }),
  closedLoop("hello", { connections: 1, headers: 12, shown: ["p50 us"] }),
  closedLoop("hello", { connections: 1, oneCpu: true, shown: ["p50 us"] }),
  closedLoop("hello", { connections: 1, headers: 12, oneCpu: true, shown: ["p50 us"] }),
  closedLoop("hello", { connections: 256 }),
  closedLoop("flask"),
  closedLoop("flask", { headers: 12 }),
  closedLoop("flask", { accessLog: true }),
  closedLoop("flask", { workers: 1 }),
  closedLoop("django"),
  closedLoop("django", { headers: 12 }),
  closedLoop("django", { accessLog: true }),
  closedLoop("django", { workers: 1 }),
  threaded(1),
  threaded(4),
  threaded(16),
  threaded(64),
  greenlets("hello"),
  greenlets("flask"),
  closedLoop("asgi", { workers: 1 }),
  closedLoop("asgi"),
  closedLoop("asgi", { headers: 12 }),
  closedLoop("asgi", { connections: 1, shown: ["p50 us"] }),
  closedLoop("fastapi", { workers: 1 }),
  closedLoop("fastapi"),
  closedLoop("asgi-wait", { workers: 1, connections: 512 }),
  closedLoop("asgi-wait", { connections: 512 }),
  websocket("/echo"),
  websocket("/broadcast"),
  overTls(),
  http2(16, 8),
  http2(64, 1),
  mixed("/sleep"),
  mixed("/burn"),
  start("hello"),
  start("flask"),
  memory(2, false),
  memory(2, true),
  memory(8, false),
  memory(8, true),
  idle(10_000),
];
