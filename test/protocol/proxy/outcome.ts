/** Feeds a reader given bytes in given pieces and writes down what came out, in the shape that gunicorn_proxy_oracle.py writes too. */

import { ProxyHeaderReader, type ProxySender, type ProxyVersions } from "../../../src/protocol/proxy/header-reader.ts";
import { ProtocolError } from "../../../src/request/protocol-error.ts";
import type { ProxyHeader } from "../../../src/request/request-head.ts";

export interface Case {
  /** latin-1 text. */
  readonly bytes: string;
  readonly versions: ProxyVersions;
  readonly allowed: boolean;
}

/** Where a connection without a header goes, and how many bytes of it, is `rest`. */
export type Outcome =
  | { readonly at: "more" }
  | { readonly at: "absent"; readonly rest: number }
  | { readonly at: "header"; readonly header: ProxyHeader; readonly rest: number }
  | { readonly at: "refused"; readonly message: string };

export const STRANGER = "192.0.2.99";

/** @param cuts  Positions at which the input is cut. */
export function outcomeOf({ bytes, versions, allowed }: Case, cuts: readonly number[] = []): Outcome {
  const sender: ProxySender = { address: allowed ? "127.0.0.1" : STRANGER, allowed };
  const reader = new ProxyHeaderReader(versions, sender);
  const whole = Buffer.from(bytes, "latin1");
  let from = 0;
  for (const to of [...new Set(cuts), whole.length].sort((a, b) => a - b)) {
    try {
      const outcome = reader.feed(whole.subarray(from, to));
      from = to;
      if (outcome.at === "more") continue;
      const rest = outcome.rest.length + whole.length - to;
      return outcome.at === "absent" ? { at: "absent", rest } : { at: "header", header: outcome.header, rest };
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return { at: "refused", message: error.message };
    }
  }
  return { at: "more" };
}
