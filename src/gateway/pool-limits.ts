/** What the settings say of a worker pool, and the clock that it goes by. */

import type { SpoolLimits } from "./byte-spool.ts";
import type { RequestTimes } from "./request-limits.ts";

export interface PoolLimits {
  /** Monotonic now, milliseconds: the clock that workers write into slots. */
  readonly now: () => number;
  readonly lookAhead: number;
  /** SCRIPT_NAME of the process environment. */
  readonly scriptName: string;
  /** `root_path` of ASGI scopes. */
  readonly rootPath: string;
  /** Of a WebSocket message, inflated. */
  readonly messageBytesMax: number;
  /** Requests that one event loop may have at once. */
  readonly workerConnections: number;
  /** The access log says how long requests wait. */
  readonly timesQueue?: boolean;
  readonly requestBuffering: boolean;
  readonly bodyWaitMs: number;
  /** 0: requests wait for ever. */
  readonly queueTimeoutMs: number;
  /** 0: the application may take for ever. */
  readonly timeoutMs: number;
  /** Of one request in the application. */
  readonly requestTimes: RequestTimes;
  readonly retriesSafe: boolean;
  readonly requestSpool: SpoolLimits;
  readonly responseSpool: SpoolLimits;
}
