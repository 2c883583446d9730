/**
 * Compares our HTTP/1 parser with Gunicorn's on generated hostile requests, and can record what Gunicorn says for the committed test.
 *
 *     node --import ./scripts/typescript.mjs test/protocol/http1/compare-with-gunicorn.ts PYTHON COUNT SEED [FILE]
 *
 * PYTHON has gunicorn 27.0.1. With FILE the cases and Gunicorn's outcomes are written there. Ends with 1 when anything differs.
 */

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { argv, exit } from "node:process";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { hostileCase } from "./hostile-requests.ts";
import { type Case, comparable, cutAt, type Outcome, outcomeOf, peerOf, policyOf } from "./outcome.ts";

/** Cases for one Python process: enough that its start does not count, few enough for one pipe of text. */
const BATCH_CASES = 20_000;
/** Outcomes of a batch, as JSON. */
const OUTPUT_BYTES_MAX = 1 << 30;
const ORACLE = fileURLToPath(new URL("gunicorn_oracle.py", import.meta.url));

/** Gunicorn reads the first Connection field only, and its whole value; we read the list (docs/differences.md). */
function hasConnectionList({ bytes }: Case): boolean {
  return /connection[ \t]*:.*connection[ \t]*:/is.test(bytes) || /connection[ \t]*:[^\n]*,/i.test(bytes);
}

function askGunicorn(python: string, cases: readonly Case[]): Outcome[] {
  const input = cases.map((one) => JSON.stringify({ ...one, bytes: Buffer.from(one.bytes, "latin1").toString("base64") })).join("\n");
  const { status, stdout, stderr } = spawnSync(python, [ORACLE], { input, maxBuffer: OUTPUT_BYTES_MAX, encoding: "utf8" });
  if (status !== 0) throw new Error(`the oracle ${python} ended with ${status}: ${stderr}`);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Outcome);
}

const [, , python = "python3", countText = "2000", seedText = "1", file] = argv;
const count = Number(countText);
const recorded: { case: Case; outcome: Outcome }[] = [];
let differences = 0;
for (let done = 0; done < count; done += BATCH_CASES) {
  const cases = fc
    .sample(hostileCase, { numRuns: Math.min(BATCH_CASES, count - done), seed: Number(seedText) + done })
    .filter((one) => !hasConnectionList(one));
  for (const [index, theirs] of askGunicorn(python, cases).entries()) {
    const one = cases[index]!;
    const ours = outcomeOf(cutAt(Buffer.from(one.bytes, "latin1"), []), policyOf(one.settings), peerOf(one));
    recorded.push({ case: one, outcome: theirs });
    if (comparable(ours) === comparable(theirs)) continue;
    differences += 1;
    console.log("%s\nours:     %s\nGunicorn: %s\n", JSON.stringify(one), JSON.stringify(ours), JSON.stringify(theirs));
  }
}
console.log(`compared=${recorded.length} different=${differences}`);
if (file !== undefined) writeFileSync(file, `[\n${recorded.map((entry) => JSON.stringify(entry)).join(",\n")}\n]\n`);
exit(differences === 0 ? 0 : 1);
