/** Gunicorn's own test requests (protocols §2) as recorded in the vectors file, where origin and licence stand. */

import { readFileSync } from "node:fs";
import type { GunicornSettings, RequestOutcome } from "./outcome.ts";

export interface CorpusCase {
  readonly name: string;
  readonly bytes: string;
  readonly settings: GunicornSettings;
  /** The requests to be served, no more. */
  readonly requests?: readonly CorpusRequest[];
  /** Gunicorn's exception class. */
  readonly refused?: keyof typeof REFUSALS;
}

export type CorpusRequest = Pick<RequestOutcome, "method" | "target" | "rawPath" | "query" | "protocol" | "headers" | "body" | "trailers">;

/** Status and beginning of the message for each exception class; the input just ends where there is none. */
export const REFUSALS = {
  InvalidHeader: { status: 400, message: /^Invalid HTTP Header: / },
  InvalidHeaderName: { status: 400, message: /^Invalid HTTP header name: / },
  LimitRequestHeaders: { status: 431, message: /^(?:limit request|max buffer) headers/ },
  InvalidChunkSize: { status: 400, message: /^Invalid chunk size: / },
  InvalidRequestMethod: { status: 400, message: /^Invalid HTTP method: / },
  InvalidRequestLine: { status: 400, message: /^Invalid HTTP request line: / },
  InvalidHTTPVersion: { status: 400, message: /^Invalid HTTP Version: / },
  LimitRequestLine: { status: 414, message: /^Request Line is too large / },
  ObsoleteFolding: { status: 400, message: /^Obsolete line folding / },
  InvalidSchemeHeaders: { status: 400, message: /^Contradictory scheme headers$/ },
  InvalidChunkExtension: { status: 400, message: /^Invalid chunk extension: / },
  ChunkMissingTerminator: { status: 400, message: /^Invalid chunk terminator / },
  NoMoreData: undefined,
} as const;

const file = new URL("vectors/gunicorn-corpus.json", import.meta.url);

export const CORPUS = (JSON.parse(readFileSync(file, "utf8")) as { cases: readonly CorpusCase[] }).cases;
