/** Drives a parser over given bytes and writes down what came out, in the shape that gunicorn_oracle.py writes too. */

import { type Http1Policy, type Http1Settings, http1Policy } from "../../../src/protocol/http1/policy.ts";
import { Http1Parser } from "../../../src/protocol/http1/request-parser.ts";
import type { RequestHandler } from "../../../src/protocol/request-parser.ts";
import type { BodyEnd } from "../../../src/request/exchange.ts";
import { PROTOCOL_ERRORS, type ProtocolError } from "../../../src/request/protocol-error.ts";
import type { Peer, RequestHead } from "../../../src/request/request-head.ts";

/** Settings by Gunicorn's names; those left out have Gunicorn's defaults. */
export type GunicornSettings = Readonly<Record<string, string | number | boolean>>;

/** One input: bytes as latin-1 text, and who sends them. */
export interface Case {
  readonly bytes: string;
  readonly settings: GunicornSettings;
  readonly trusted: boolean;
  readonly secure: boolean;
}

export interface RequestOutcome {
  method: string;
  target: string;
  rawPath: string;
  path: string;
  query: string;
  protocol: string;
  scheme: string;
  scriptName: string | null;
  headers: [string, string][];
  expectsContinue: boolean;
  keepAlive: boolean;
  /** Missing when the body was refused or cut inside a chunk. */
  body?: string;
  trailers?: [string, string][];
}

export interface Outcome {
  requests: RequestOutcome[];
  /** Null when the input simply ended. */
  refusal: { status: number; page: string; message: string; logged: boolean } | null;
}

export const DEFAULTS: Http1Settings = {
  limitRequestLine: 4094,
  limitRequestFields: 100,
  limitRequestFieldSize: 8190,
  permitObsoleteFolding: false,
  stripHeaderSpaces: false,
  permitUnconventionalHttpMethod: false,
  permitUnconventionalHttpVersion: false,
  casefoldHttpMethod: false,
  headerMap: "drop",
  forwarderHeaders: new Set(["SCRIPT_NAME", "PATH_INFO"]),
  secureSchemeHeaders: new Map([
    ["X-FORWARDED-PROTOCOL", "ssl"],
    ["X-FORWARDED-PROTO", "https"],
    ["X-FORWARDED-SSL", "on"],
  ]),
};

/** Turns `{limit_request_line: 10}` into a policy. */
export function policyOf(settings: GunicornSettings): Http1Policy {
  const ours: Record<string, unknown> = { ...DEFAULTS };
  for (const [name, value] of Object.entries(settings)) {
    const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    ours[camel] = name === "forwarder_headers" ? forwarders(String(value)) : value;
  }
  return http1Policy(ours as unknown as Http1Settings);
}

function forwarders(value: string): ReadonlySet<string> | "*" {
  return value === "*" ? "*" : new Set(value.split(","));
}

export function peerOf({ trusted, secure }: Pick<Case, "trusted" | "secure">): Peer {
  return { remoteAddress: "127.0.0.1", remotePort: 40000, serverName: "127.0.0.1", serverPort: 8000, trusted, secure };
}

/** Writes down what a parser reports, and asks for the next request whenever one is complete and the connection may stay open. */
class Recorder implements RequestHandler {
  readonly outcome: Outcome = { requests: [], refusal: null };
  parser: Http1Parser | undefined;
  /** Nothing more will be reported. */
  over = false;
  #keepAlive = false;
  #body: Buffer[] = [];

  onHead(head: RequestHead): void {
    this.outcome.requests.push(describe(head));
    this.#keepAlive = head.keepAlive;
    this.#body = [];
    if (head.framing.kind === "none") this.onBodyEnd("complete");
  }

  onBody(chunk: Buffer): void {
    this.#body.push(chunk);
  }

  onBodyEnd(_end: BodyEnd): void {
    const request = this.outcome.requests.at(-1);
    const trailers = this.parser?.trailers;
    if (request !== undefined) {
      request.body = Buffer.concat(this.#body).latin1Slice();
      request.trailers = trailers === undefined ? [] : pairs(trailers.names, trailers.values);
    }
    if (this.#keepAlive) this.parser?.next();
    else this.over = true;
  }

  onError(error: ProtocolError, head: RequestHead | undefined): void {
    const { status } = PROTOCOL_ERRORS[error.code];
    this.outcome.refusal = { status, page: error.pageText, message: error.message, logged: head !== undefined };
    this.over = true;
  }

  onClose(): void {
    this.over = true;
  }
}

function describe(head: RequestHead): RequestOutcome {
  const { method, target, rawPath, path, query, protocol, scheme, expectsContinue, keepAlive } = head;
  const headers = pairs(head.names, head.values);
  return {
    method,
    target,
    rawPath,
    path,
    query,
    protocol,
    scheme,
    scriptName: head.scriptName ?? null,
    headers,
    expectsContinue,
    keepAlive,
  };
}

function pairs(names: readonly { upper: string }[], values: readonly string[]): [string, string][] {
  return names.map((name, index) => [name.upper, values[index] ?? ""]);
}

/** Feeds pieces, then the end of the input. */
export function outcomeOf(pieces: Iterable<Buffer>, policy: Http1Policy, peer: Peer): Outcome {
  const recorder = new Recorder();
  const parser = new Http1Parser(policy, peer, recorder);
  recorder.parser = parser;
  for (const piece of pieces) {
    if (recorder.over) break;
    // What is fed is only lent.
    const lent = Buffer.from(piece);
    parser.feed(lent);
    lent.fill("?");
  }
  if (!recorder.over) parser.eof();
  return recorder.outcome;
}

/** Cuts bytes at the given places; sorted or not, repeated or not. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...sorted, bytes.length].map((place, index) => bytes.subarray(sorted[index - 1] ?? 0, place));
}

export function everyByte(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
}

/**
 * An outcome as text to compare. The length named by "Request Line is too large" is the length seen when it was noticed,
 * which depends on how the input was cut, with Gunicorn as with us.
 */
export function comparable(outcome: Outcome): string {
  return JSON.stringify(outcome).replaceAll(/Request Line is too large \(\d+ >/g, "Request Line is too large (N >");
}
