/** Gunicorn's own test requests, fed to the parser. test/server/gunicorn-corpus.test.ts sends them to the whole server. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CORPUS, type CorpusCase, REFUSALS } from "./gunicorn-corpus.ts";
import { cutAt, everyByte, outcomeOf, peerOf, policyOf } from "./outcome.ts";

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
  const refusal = refused && REFUSALS[refused];
  assert.equal(outcome.refusal?.status, refusal?.status);
  if (refusal !== undefined) assert.match(outcome.refusal?.message ?? "accepted", refusal.message);
}

test("the corpus is whole", () => assert.equal(CORPUS.length, 129));

for (const one of CORPUS) {
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
