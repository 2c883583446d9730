/**
 * Reports `node --test`: every failure in full, then one line for each file, the slowest tests, and counts.
 * With thousands of tests the reporters that Node brings bury the one that failed. In CI a skipped test is a failure.
 */
import { relative } from "node:path";
import { inspect } from "node:util";

const inCi = process.env.CI === "true";
/** Enough to see where a run's time goes. */
const SLOWEST_SHOWN = 5;
/** What takes less is of no interest. */
const SLOW_MS = 1000;
/** Node's counts at the end come as diagnostics too; the others are what tests have measured. */
const NODES_OWN = /^(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

export default async function* report(events) {
  const files = new Map();
  const slow = [];
  const totals = { passed: 0, failed: 0, skipped: 0 };
  for await (const { type, data } of events) {
    if (type === "test:stderr" || type === "test:stdout") yield data.message;
    if (type === "test:diagnostic" && !NODES_OWN.test(data.message)) yield `note   ${data.message}\n`;
    if ((type !== "test:pass" && type !== "test:fail") || data.details.type === "suite") continue;
    const name = data.file === undefined ? data.name : relative(process.cwd(), data.file);
    const file = files.get(name) ?? { passed: 0, failed: 0, ms: 0 };
    files.set(name, file);
    file.ms += data.details.duration_ms;
    if (data.details.duration_ms >= SLOW_MS) slow.push({ name: `${name}: ${data.name}`, ms: data.details.duration_ms });
    if (data.skip !== undefined || data.todo !== undefined) {
      totals.skipped++;
      yield `SKIPPED ${name}: ${data.name}\n`;
      if (inCi) process.exitCode = 1;
    } else if (type === "test:pass") {
      totals.passed++;
      file.passed++;
    } else {
      totals.failed++;
      file.failed++;
      yield `\nFAILED ${name}: ${data.name}\n${indent(inspect(data.details.error.cause ?? data.details.error))}\n\n`;
    }
  }
  for (const [name, { passed, failed, ms }] of files) {
    yield `${failed === 0 ? "ok    " : "FAILED"} ${name} (${passed} passed${failed === 0 ? "" : `, ${failed} failed`}, ${Math.round(ms)} ms)\n`;
  }
  slow.sort((a, b) => b.ms - a.ms);
  for (const { name, ms } of slow.slice(0, SLOWEST_SHOWN)) yield `slow   ${(ms / 1000).toFixed(1)} s ${name}\n`;
  yield `${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped${totals.skipped > 0 && inCi ? ": a failure in CI" : ""}\n`;
  if (totals.passed + totals.failed === 0) process.exitCode = 1;
}

function indent(text) {
  return text.replace(/^/gm, "    ");
}
