/** Gunicorn's own test requests (protocols §2): origin and licence stand in the vectors file. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { cutAt, everyByte, type GunicornSettings, outcomeOf, peerOf, policyOf, type RequestOutcome } from "./outcome.ts";

interface CorpusCase {
  readonly name: string;
  readonly bytes: string;
  readonly settings: GunicornSettings;
  /** The requests to be served, no more. */
  readonly requests?: readonly Partial<RequestOutcome>[];
  /** Gunicorn's exception class. */
  readonly refused?: keyof typeof MESSAGES;
}

/** How the message of each exception class begins; the input just ends where there is none. */
const MESSAGES = {
  InvalidHeader: /^Invalid HTTP Header: /,
  InvalidHeaderName: /^Invalid HTTP header name: /,
  LimitRequestHeaders: /^(?:limit request|max buffer) headers/,
  InvalidChunkSize: /^Invalid chunk size: /,
  InvalidRequestMethod: /^Invalid HTTP method: /,
  InvalidRequestLine: /^Invalid HTTP request line: /,
  InvalidHTTPVersion: /^Invalid HTTP Version: /,
  LimitRequestLine: /^Request Line is too large /,
  ObsoleteFolding: /^Obsolete line folding /,
  InvalidSchemeHeaders: /^Contradictory scheme headers$/,
  InvalidChunkExtension: /^Invalid chunk extension: /,
  ChunkMissingTerminator: /^Invalid chunk terminator /,
  NoMoreData: undefined,
} as const;

const file = new URL("vectors/gunicorn-corpus.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(file, "utf8")) as { cases: readonly CorpusCase[] };

function check({ settings, requests, refused }: CorpusCase, pieces: readonly Buffer[]): void {
  const outcome = outcomeOf(pieces, policyOf(settings), peerOf({ trusted: true, secure: false }));
  if (requests !== undefined) {
    assert.equal(outcome.refusal, null);
    const seen = outcome.requests.map(({ method, target, rawPath, query, protocol, headers, body, trailers }) => {
      return { method, target, rawPath, query, protocol, headers, body, trailers };
    });
    assert.deepEqual(seen, requests);
    return;
  }
  const message = refused && MESSAGES[refused];
  if (message === undefined) assert.equal(outcome.refusal, null);
  else assert.match(outcome.refusal?.message ?? "accepted", message);
}

test("the corpus is whole", () => assert.equal(cases.length, 129));

for (const one of cases) {
  test(`${one.name} is ${one.refused ?? `${one.requests?.length} requests`}`, () => {
    const bytes = Buffer.from(one.bytes, "latin1");
    check(one, [bytes]);
    check(one, everyByte(bytes));
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), (places) => check(one, cutAt(bytes, places))),
      { numRuns: 20 },
    );
  });
}
