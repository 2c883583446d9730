/**
 * Compares our PROXY header reader with Gunicorn's on generated headers, and can record what Gunicorn says for the committed test.
 *
 *     node --import ./scripts/typescript.mjs test/protocol/proxy/compare-with-gunicorn.ts PYTHON COUNT SEED [FILE]
 *
 * PYTHON has gunicorn 27.0.1. With FILE the cases and Gunicorn's outcomes are written there. Ends with 1 when anything differs
 * that is not meant to.
 */

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { argv, exit } from "node:process";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { hostileHeader } from "./hostile-headers.ts";
import { comparable, meantDifference } from "./meant-differences.ts";
import { type Case, type Outcome, outcomeOf } from "./outcome.ts";

/** Outcomes of all cases, as JSON. */
const OUTPUT_BYTES_MAX = 1 << 30;
const ORACLE = fileURLToPath(new URL("gunicorn_proxy_oracle.py", import.meta.url));

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
const cases = fc.sample(hostileHeader, { numRuns: Number(countText), seed: Number(seedText) });
const theirs = askGunicorn(python, cases);
const entries = cases
  .map((one, index) => ({ case: one, outcome: theirs[index]! }))
  .filter((entry) => meantDifference(entry.case) === undefined);
let differences = 0;
for (const { case: one, outcome } of entries) {
  const ours = outcomeOf(one);
  if (comparable(ours) === comparable(outcome)) continue;
  differences += 1;
  console.log("%s\nours:     %s\nGunicorn: %s\n", JSON.stringify(one), JSON.stringify(ours), JSON.stringify(outcome));
}
const seen = entries.map(({ outcome }) => outcome.at);
const counts = ["header", "refused", "absent", "more"].map((at) => `${at}=${seen.filter((one) => one === at).length}`).join(" ");
console.log(`compared=${entries.length} ${counts} meant=${cases.length - entries.length} different=${differences}`);
if (file !== undefined) writeFileSync(file, `[\n${entries.map((entry) => JSON.stringify(entry)).join(",\n")}\n]\n`);
exit(differences === 0 ? 0 : 1);
