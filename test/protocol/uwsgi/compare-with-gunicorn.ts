/**
 * Compares our uWSGI parser with Gunicorn's on generated packets, and can record what Gunicorn says for the committed test.
 *
 *     node --import ./scripts/typescript.mjs test/protocol/uwsgi/compare-with-gunicorn.ts PYTHON COUNT SEED [FILE]
 *
 * PYTHON has gunicorn 27.0.1. With FILE the connections and Gunicorn's outcomes are written there. Ends with 1 when anything differs.
 */

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { argv, exit } from "node:process";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { isAsGunicorns, type Outcome, outcomeOf } from "./outcome.ts";
import { connectionBytes } from "./packets.ts";

/** Connections for one Python process: enough that its start does not count, few enough for one pipe of text. */
const BATCH_CASES = 20_000;
/** Outcomes of a batch, as JSON. */
const OUTPUT_BYTES_MAX = 1 << 30;
const ORACLE = fileURLToPath(new URL("gunicorn_oracle.py", import.meta.url));

function askGunicorn(python: string, connections: readonly Buffer[]): Outcome[] {
  const input = connections.map((bytes) => `${bytes.toString("base64")}\n`).join("");
  const { status, stdout, stderr } = spawnSync(python, [ORACLE], { input, maxBuffer: OUTPUT_BYTES_MAX, encoding: "utf8" });
  if (status !== 0) throw new Error(`the oracle ${python} ended with ${status}: ${stderr}`);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Outcome);
}

const [, , python = "python3", countText = "2000", seedText = "1", file] = argv;
const count = Number(countText);
const recorded: { bytes: string; outcome: Outcome }[] = [];
let differences = 0;
for (let done = 0; done < count; done += BATCH_CASES) {
  const connections = fc.sample(connectionBytes, { numRuns: Math.min(BATCH_CASES, count - done), seed: Number(seedText) + done });
  for (const [index, theirs] of askGunicorn(python, connections).entries()) {
    const bytes = connections[index] ?? Buffer.alloc(0);
    const ours = outcomeOf([bytes]);
    recorded.push({ bytes: bytes.toString("base64"), outcome: theirs });
    if (isAsGunicorns(ours, theirs)) continue;
    differences += 1;
    console.log("%j\nours:     %j\nGunicorn: %j\n", bytes.latin1Slice(), ours, theirs);
  }
}
console.log(`compared=${recorded.length} different=${differences}`);
if (file !== undefined) writeFileSync(file, `[\n${recorded.map((entry) => JSON.stringify(entry)).join(",\n")}\n]\n`);
exit(differences === 0 ? 0 : 1);
