/**
 * Compares our HTTP/1 parser with Gunicorn's on generated hostile requests, and can record what Gunicorn says for the committed test.
 *
 *     node --import ./scripts/typescript.mjs test/protocol/http1/compare-with-gunicorn.ts PYTHON COUNT SEED [FILE]
 *
 * PYTHON has gunicorn 27.0.1. With FILE the cases and Gunicorn's outcomes are written there, those apart in which we
 * differ on purpose. Ends with 1 when anything else differs.
 */

import { writeFileSync } from "node:fs";
import { argv, exit } from "node:process";
import { compareGenerated } from "./compare-generated.ts";
import type { Case, Outcome } from "./outcome.ts";

const [, , python = "python3", countText = "2000", seedText = "1", file] = argv;
const recorded: { case: Case; outcome: Outcome }[] = [];
const { compared, verdicts } = await compareGenerated(python, Number(countText), Number(seedText), (one, ours, theirs, verdict) => {
  if (verdict === "equal") recorded.push({ case: one, outcome: theirs });
  if (verdict === "different") {
    console.log("%s\nours:     %s\nGunicorn: %s\n", JSON.stringify(one), JSON.stringify(ours), JSON.stringify(theirs));
  }
});
console.log(`compared=${compared} ${JSON.stringify(verdicts)}`);
if (file !== undefined) writeFileSync(file, `[\n${recorded.map((entry) => JSON.stringify(entry)).join(",\n")}\n]\n`);
exit(verdicts.different === undefined ? 0 : 1);
