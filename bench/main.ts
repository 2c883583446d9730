/** The program behind `npm run bench`: prepares, measures in turns, prints one table. Its exit code says whether it ran, not how fast we are. */
import { writeFileSync } from "node:fs";
import { METRICS, type Sample } from "./metrics.ts";
import { HELP, OptionError, type Options, parseOptions } from "./options.ts";
import { killQuietly, readProcessTree } from "./process-tree.ts";
import { compareServers, formatFailures, formatTable, summarizeTargets } from "./report.ts";
import { runRounds } from "./rounds.ts";
import { SCENARIOS } from "./scenarios.ts";
import { prepareSurroundings, SurroundingsError } from "./surroundings.ts";

function reportProgress(sample: Sample): void {
  const values = Object.entries(METRICS).flatMap(([metric, { decimals }]) => {
    const value = Object.entries(sample.values).find(([name]) => name === metric)?.[1];
    return value === undefined ? [] : [`${value.toFixed(decimals)} ${metric}`];
  });
  const [failure] = sample.failures;
  const words = [...values, ...(failure === undefined ? [] : [`FAILED: ${failure.split("\n")[0]}`])];
  process.stderr.write(`${sample.scenario} round ${sample.round + 1} ${sample.server}: ${words.join(", ")}\n`);
}

async function runBench(options: Options): Promise<void> {
  const surroundings = await prepareSurroundings(options);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      // The servers, which have process groups of their own, and wrk.
      for (const { pid } of readProcessTree(process.pid)) if (pid !== process.pid) killQuietly(pid);
      surroundings.remove();
      process.exit(130);
    });
  }
  try {
    const { scenarios, servers, rounds, seconds } = options;
    const samples = await runRounds({ scenarios, servers, rounds, context: { surroundings, seconds }, report: reportProgress });
    const baseline = servers.find((server) => server.name === "tunicorn")?.name ?? servers[0]?.name ?? "";
    const nodeMajor = Number.parseInt(surroundings.nodeVersion.slice(1), 10);
    const rows = compareServers({ scenarios, samples, baseline, nodeMajor });
    const failures = formatFailures(samples);
    const targets = summarizeTargets(rows);
    process.stdout.write(`${surroundings.machine}\n`);
    process.stdout.write(`${rounds} rounds of ${seconds} s; ratio = ${baseline} / server, of medians; min-max = of the single rounds\n\n`);
    process.stdout.write(formatTable(rows));
    if (targets !== undefined) process.stdout.write(`\n${targets}\n`);
    if (failures !== "") process.stdout.write(`\nWhat failed:\n${failures}`);
    if (options.jsonFile !== undefined) {
      const document = { machine: surroundings.machine, rounds, seconds, baseline, rows, samples };
      writeFileSync(options.jsonFile, `${JSON.stringify(document, null, 2)}\n`);
    }
  } finally {
    surroundings.remove();
  }
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === "help") process.stdout.write(HELP);
  else if (options === "list") process.stdout.write(SCENARIOS.map((scenario) => `${scenario.id}\n`).join(""));
  else await runBench(options);
} catch (error) {
  if (!(error instanceof OptionError || error instanceof SurroundingsError)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 1;
}
