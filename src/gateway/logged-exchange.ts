import type { CompletionTaker } from "../request/exchange.ts";
import type { RequestHead } from "../request/request-head.ts";

/** What the access log says of an exchange that is over. */
export interface LoggedExchange {
  readonly head: RequestHead;
  /** Monotonic milliseconds. */
  readonly arrivedMs: number;
  readonly status: number;
  /** Body bytes of the response that were sent. */
  readonly bodyBytes: number;
  readonly fieldLines: string;
  /** Undefined when no worker has answered. */
  readonly workerPid: number | undefined;
  readonly workerGeneration: number | undefined;
  readonly startedMs: number | undefined;
  readonly completionTaker: CompletionTaker | undefined;
}
