import assert from "node:assert/strict";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { CORPUS } from "./gunicorn-corpus.ts";
import { compareOutcomes, GunicornOracle, ourOutcome } from "./gunicorn-oracle.ts";
import { H11_CASES } from "./h11-cases.ts";
import { LLHTTP_CASES } from "./llhttp-cases.ts";
import { type Case, everyByte, outcomeOf, peerOf, policyOf } from "./outcome.ts";

/** Where we answer otherwise than the other parser, `why` says so. */
const PUBLISHED = [...LLHTTP_CASES, ...H11_CASES];
const SENDER = { settings: {}, trusted: true, secure: false };
const PYTHON = fileURLToPath(new URL("../../../.venv-test/bin/python", import.meta.url));
const oracle = new GunicornOracle(PYTHON);
after(() => oracle.close());

for (const { from, name, bytes, there, served, refused, why } of PUBLISHED) {
  test(`${from}: ${name} is ${served} request(s)${refused === undefined ? "" : `, then ${refused}`}`, () => {
    const one: Case = { ...SENDER, bytes };
    const outcome = ourOutcome(one);
    assert.deepEqual({ served: outcome.requests.length, refused: outcome.refusal?.status }, { served, refused });
    assert.deepEqual(outcomeOf(everyByte(Buffer.from(bytes, "latin1")), policyOf({}), peerOf(SENDER)), outcome);
    const sameThere = (there === "accepted") === (refused === undefined);
    assert.equal(why === undefined, sameThere, "a reason is given where the two parsers differ, and only there");
  });
}

test("Gunicorn reads every published case as we do", async () => {
  const cases = PUBLISHED.map(({ bytes }): Case => ({ ...SENDER, bytes }));
  const verdicts = (await oracle.ask(cases)).map((theirs, index) => compareOutcomes(cases[index]!, ourOutcome(cases[index]!), theirs));
  const different = PUBLISHED.filter((_, index) => verdicts[index] === "different");
  assert.deepEqual(different, []);
  const onPurpose = PUBLISHED.filter((_, index) => verdicts[index] !== "equal").map(({ name }) => name);
  assert.deepEqual(onPurpose, [
    "a length over 64 bits",
    "close among other options",
    "a size of a hundred digits",
    "a length of 21 digits",
  ]);
});

test("Gunicorn reads every case of its own corpus as we do", async () => {
  const cases = CORPUS.map(({ bytes, settings }): Case => ({ ...SENDER, bytes, settings }));
  const different = (await oracle.ask(cases)).flatMap((theirs, index) => {
    const one = cases[index]!;
    return compareOutcomes(one, ourOutcome(one), theirs) === "equal" ? [] : [CORPUS[index]!.name];
  });
  assert.deepEqual(different, []);
});
