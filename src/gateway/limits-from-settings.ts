/** The gateway's limits and policies, out of the settings: units are converted here and nowhere else. */

import { PeerAllowList } from "../base/ip-network.ts";
import { str } from "../base/python-repr.ts";
import { type Http1Policy, http1Policy } from "../protocol/http1/policy.ts";
import { type Http2Policy, http2Policy } from "../protocol/http2/policy.ts";
import type { Peer } from "../request/request-head.ts";
import type { Settings } from "../settings/table.ts";
import { workerKind } from "../settings/worker-class.ts";
import type { SpoolLimits } from "./byte-spool.ts";
import type { PoolLimits } from "./pool-limits.ts";

const MS_PER_SECOND = 1000;

/** A server that stops waits this long for the rest of a head: a client in the middle of sending one is done sooner. */
const DRAIN_HEAD_MS = 1000;

/** Names of the limits of time, as the log has them when one strikes. */
export type TimeLimit = "handshake-timeout" | "head-timeout" | "body-timeout" | "idle-timeout" | "write-timeout" | "queue-timeout";

/** Time limits of a client's connection, milliseconds. */
export interface ConnectionLimits {
  /** Idle between two requests (`keepalive`). 0: connections are closed after each response. */
  readonly idleMs: number;
  /** The same for trusted peers (`proxy_keepalive`). */
  readonly proxyIdleMs: number;
  /** From the connection, or the first byte of a request, to the end of its head (`head_timeout`). */
  readonly headMs: number;
  /** From the first byte of a head, or the begin of the stop, to the head's end, when the server stops. */
  readonly drainHeadMs: number;
  /** A client whose request's body comes too slowly, or not at all (`body_timeout`). */
  readonly bodyMs: number;
  /** A client that takes too little of the bytes that wait for it (`write_timeout`). */
  readonly writeMs: number;
}

export function http1PolicyOf(settings: Settings): Http1Policy {
  return http1Policy({
    limitRequestLine: settings.limit_request_line,
    limitRequestFields: settings.limit_request_fields,
    limitRequestFieldSize: settings.limit_request_field_size,
    permitObsoleteFolding: settings.permit_obsolete_folding === true,
    stripHeaderSpaces: settings.strip_header_spaces === true,
    permitUnconventionalHttpMethod: settings.permit_unconventional_http_method === true,
    permitUnconventionalHttpVersion: settings.permit_unconventional_http_version === true,
    casefoldHttpMethod: settings.casefold_http_method === true,
    headerMap: settings.header_map ?? "drop",
    forwarderHeaders: settings.forwarder_headers.includes("*") ? "*" : new Set(settings.forwarder_headers),
    secureSchemeHeaders: new Map(settings.secure_scheme_headers.v.map(([name, value]) => [str(name), str(value)])),
  });
}

export function http2PolicyOf(settings: Settings, request: Http1Policy): Http2Policy {
  return http2Policy(
    {
      maxConcurrentStreams: settings.http2_max_concurrent_streams,
      initialWindowSize: settings.http2_initial_window_size,
      maxFrameSize: settings.http2_max_frame_size,
      maxHeaderListSize: settings.http2_max_header_list_size,
      // WebSocket on a stream (RFC 8441): where there is somebody to speak it.
      extendedConnect: workerKind(settings) === "asgi",
    },
    request,
  );
}

/** ALPN's name of HTTP/2 (RFC 9113 §3.1). */
export const HTTP2_BY_TLS = "h2";
/** ALPN's name of HTTP/1.1 (RFC 7301 §6). */
export const HTTP1_BY_TLS = "http/1.1";

/**
 * @returns What clients are offered by ALPN, the preferred first. HTTP/1.1 always is among them: with `http_protocols=h2` too, Gunicorn
 *          serves it to clients that know nothing else.
 */
export function protocolsByTls(settings: Settings): readonly string[] {
  if (settings.protocol === "uwsgi") return [HTTP1_BY_TLS];
  return [...new Set([...settings.http_protocols.map((name) => (name === "h2" ? HTTP2_BY_TLS : HTTP1_BY_TLS)), HTTP1_BY_TLS])];
}

/** How trusted clients come to HTTP/2 without TLS. */
export interface CleartextHttp2 {
  /** By its preface as their first bytes. */
  readonly byPreface: boolean;
  /** By a request of HTTP/1. */
  readonly byUpgrade: boolean;
  /** HTTP/1 is spoken with them too. */
  readonly besideHttp1: boolean;
}

export function cleartextHttp2(settings: Settings): CleartextHttp2 {
  const hasTls = settings.certfile !== null || settings.keyfile !== null;
  const mayBe = settings.http_protocols.includes("h2") && settings.protocol !== "uwsgi" && !hasTls;
  const how = mayBe ? settings.http2_cleartext : "off";
  return {
    byPreface: how === "prior-knowledge" || how === "both",
    byUpgrade: how === "upgrade" || how === "both",
    besideHttp1: how !== "prior-knowledge",
  };
}

export function connectionLimits(settings: Settings): ConnectionLimits {
  const idleMs = settings.keepalive * MS_PER_SECOND;
  return {
    idleMs,
    // `keepalive` is what Gunicorn's users have set for their proxies: 0 means nobody's connection is kept, and more than ours counts.
    proxyIdleMs: idleMs === 0 ? 0 : Math.max(idleMs, settings.proxy_keepalive * MS_PER_SECOND),
    headMs: withoutEndAtZero(settings.head_timeout),
    drainHeadMs: Math.min(DRAIN_HEAD_MS, settings.graceful_timeout * MS_PER_SECOND),
    bodyMs: withoutEndAtZero(settings.body_timeout),
    writeMs: withoutEndAtZero(settings.write_timeout),
  };
}

/** Bodies and responses in memory, all together: 256 slow readers with a full buffer. What is more waits on the disk. */
const SPOOL_MEMORY_BYTES_MAX = 64 * 1024 * 1024;

/** Of a WebSocket message "without limit": ws counts in 31 bits, and Node's buffers end at twice that. */
const MESSAGE_BYTES_MAX = 2 ** 31 - 1;
/** What all spools together use: counted on through a reload, which may change the limits. */
export interface SpoolBudgets {
  readonly memory: Budget;
  readonly requests: Budget;
  readonly responses: Budget;
}

interface Budget {
  usedBytes: number;
  maxBytes: number;
}

export function spoolBudgets(): SpoolBudgets {
  return {
    memory: { usedBytes: 0, maxBytes: SPOOL_MEMORY_BYTES_MAX },
    requests: { usedBytes: 0, maxBytes: 0 },
    responses: { usedBytes: 0, maxBytes: Number.POSITIVE_INFINITY },
  };
}

/** @param seconds  0 means without end. @returns  Milliseconds. */
export function withoutEndAtZero(seconds: number): number {
  return seconds === 0 ? Number.POSITIVE_INFINITY : seconds * MS_PER_SECOND;
}

/** Which peers may speak uWSGI; undefined when the protocol is HTTP. Any other text means HTTP, as for Gunicorn. */
export function uwsgiPeers(settings: Settings): ((peer: Peer) => boolean) | undefined {
  if (settings.protocol !== "uwsgi") return undefined;
  const list = new PeerAllowList(settings.uwsgi_allow_ips);
  // Who may open a unix socket is decided by its file's mode.
  return (peer) => peer.serverPort === undefined || list.matches(peer.remoteAddress);
}

/** Which peers may set scheme and forwarder headers. */
export function trustedPeers(settings: Settings): (address: string) => boolean {
  const list = new PeerAllowList(settings.forwarded_allow_ips);
  return (address) => list.matches(address);
}

/**
 * @param surroundings  The system's directory for temporary files, the clock, SCRIPT_NAME of the environment, and who is told of a disk that refuses.
 */
export function poolLimits(
  settings: Settings,
  surroundings: {
    readonly temporaryDirectory: string;
    readonly now: () => number;
    readonly scriptName: string;
    readonly onDiskError: SpoolLimits["onDiskError"];
    readonly budgets: SpoolBudgets;
  },
): PoolLimits {
  const directory = settings.tmp_upload_dir ?? surroundings.temporaryDirectory;
  const { onDiskError, budgets } = surroundings;
  const memoryBudget = budgets.memory;
  budgets.requests.maxBytes = settings.body_spool_limit;
  return {
    now: surroundings.now,
    scriptName: surroundings.scriptName,
    rootPath: settings.root_path ?? "",
    messageBytesMax:
      settings.websocket_max_message_size === 0 ? MESSAGE_BYTES_MAX : Math.min(settings.websocket_max_message_size, MESSAGE_BYTES_MAX),
    timesQueue: settings.log_format === "json",
    // Together, the gateways are not to give a worker more than it should have at once.
    workerConnections: Math.max(1, Math.floor(settings.worker_connections / settings.gateways)),
    lookAhead: settings.look_ahead,
    requestBuffering: settings.request_buffering !== false,
    bodyWaitMs: settings.body_wait * MS_PER_SECOND,
    queueTimeoutMs: settings.queue_timeout * MS_PER_SECOND,
    timeoutMs: settings.timeout * MS_PER_SECOND,
    requestTimes: {
      slowMs: settings.slow_request * MS_PER_SECOND,
      softMs: settings.request_timeout * MS_PER_SECOND,
      hardMs: settings.request_timeout_hard * MS_PER_SECOND,
    },
    retriesSafe: settings.retry_safe_requests === true,
    requestSpool: {
      memoryBytes: settings.body_buffer,
      memoryBudget,
      fileBytes: settings.body_spool_limit,
      budget: budgets.requests,
      directory,
      onDiskError,
    },
    responseSpool: {
      memoryBytes: settings.response_buffer,
      memoryBudget,
      fileBytes: settings.response_spool_limit,
      budget: budgets.responses,
      directory,
      onDiskError,
    },
  };
}

/** SCRIPT_NAME as the workers' environment has it: `raw_env` comes last, so it wins. */
export function mountPoint(settings: Settings, environment: Readonly<Record<string, string | undefined>>): string {
  const prefix = "SCRIPT_NAME=";
  const entry = settings.raw_env.findLast((text) => text.startsWith(prefix));
  return entry?.slice(prefix.length) ?? environment.SCRIPT_NAME ?? "";
}
