import { METRICS, type MetricName, type Sample } from "./metrics.ts";
import type { Scenario } from "./scenarios.ts";
import { compareRounds, median, type Ratio } from "./statistics.ts";
import { findTarget, meetsTarget, type Target } from "./targets.ts";

/** One line of the table: one server in one metric of one scenario. */
export interface Row {
  readonly scenario: string;
  readonly metric: MetricName;
  readonly server: string;
  /** Over the rounds; undefined when none gave a value. */
  readonly median: number | undefined;
  /** Baseline to this server; undefined for the baseline, and when one of the two has no value. */
  readonly ratio: Ratio | undefined;
  /** `met` is undefined when one of the two has no value. */
  readonly target: { readonly limit: number; readonly met: boolean | undefined } | undefined;
  /** Rounds in which something went wrong. */
  readonly failedRounds: number;
}

/** What the table compares. */
export interface Comparison {
  readonly scenarios: readonly Scenario[];
  readonly samples: readonly Sample[];
  /** Every ratio is this server's value divided by the other's. */
  readonly baseline: string;
  /** Of the Node that runs tunicorn. */
  readonly nodeMajor: number;
}

function judge(target: Target | undefined, ratio: Ratio | undefined): Row["target"] {
  if (target === undefined) return undefined;
  return { limit: target.limit, met: ratio === undefined ? undefined : meetsTarget(target, ratio.ofMedians) };
}

/** Makes the rows: per scenario and metric the baseline first, then the others in the order of their samples. */
export function compareServers(comparison: Comparison): Row[] {
  const { baseline } = comparison;
  return comparison.scenarios.flatMap((scenario) => {
    const samples = comparison.samples.filter((sample) => sample.scenario === scenario.id);
    const servers = [...new Set(samples.map((sample) => sample.server))].sort((a, b) => Number(b === baseline) - Number(a === baseline));
    const rounds = Math.max(0, ...samples.map((sample) => sample.round + 1));
    return scenario.shown.flatMap((metric) => {
      const valuesOf = (server: string): (number | undefined)[] => {
        const measured = samples.filter((sample) => sample.server === server && sample.values[metric] !== undefined);
        return Array.from({ length: rounds }, (_, round) => measured.find((sample) => sample.round === round)?.values[metric]);
      };
      return servers.map((server): Row => {
        const values = valuesOf(server);
        const measured = values.filter((value) => value !== undefined);
        const ratio = server === baseline ? undefined : compareRounds(valuesOf(baseline), values);
        const target =
          baseline === "tunicorn" && server !== baseline ? findTarget(scenario.id, metric, server, comparison.nodeMajor) : undefined;
        const failed = samples.filter((sample) => sample.server === server && sample.failures.length > 0);
        return {
          scenario: scenario.id,
          metric,
          server,
          median: measured.length === 0 ? undefined : median(measured),
          ratio,
          target: judge(target, ratio),
          failedRounds: new Set(failed.map((sample) => sample.round)).size,
        };
      });
    });
  });
}

function formatMedian(row: Row): string {
  if (row.median === undefined) return "failed";
  return row.median.toLocaleString("en-US", {
    minimumFractionDigits: METRICS[row.metric].decimals,
    maximumFractionDigits: METRICS[row.metric].decimals,
  });
}

function formatTarget(row: Row): string {
  if (row.target === undefined) return "";
  const sign = METRICS[row.metric].better === "higher" ? ">=" : "<=";
  const verdict = row.target.met === undefined ? "not measured" : row.target.met ? "met" : "MISSED";
  return `${sign} ${row.target.limit.toFixed(2)} ${verdict}`;
}

const COLUMNS: readonly { readonly title: string; readonly align: "left" | "right"; readonly cell: (row: Row) => string }[] = [
  { title: "scenario", align: "left", cell: (row) => row.scenario },
  { title: "metric", align: "left", cell: (row) => row.metric },
  { title: "server", align: "left", cell: (row) => row.server },
  { title: "median", align: "right", cell: formatMedian },
  { title: "ratio", align: "right", cell: (row) => row.ratio?.ofMedians.toFixed(2) ?? "" },
  { title: "min-max", align: "right", cell: (row) => row.ratio?.spread?.map((ratio) => ratio.toFixed(2)).join("-") ?? "" },
  { title: "must reach", align: "left", cell: formatTarget },
  { title: "failed", align: "left", cell: (row) => (row.failedRounds === 0 ? "" : `! in ${row.failedRounds} of the rounds`) },
];

/** Formats the rows with columns as wide as they need; scenario and metric stand only where they change. */
export function formatTable(rows: readonly Row[]): string {
  const cells = rows.map((row, index) => {
    const before = rows[index - 1];
    const texts = COLUMNS.map((column) => column.cell(row));
    const sameScenario = before?.scenario === row.scenario;
    if (sameScenario) texts[0] = "";
    if (sameScenario && before?.metric === row.metric) texts[1] = "";
    return texts;
  });
  const lines = [COLUMNS.map((column) => column.title), ...cells];
  const widths = COLUMNS.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  const pad = (text: string, index: number): string => {
    const width = widths[index] ?? 0;
    return COLUMNS[index]?.align === "right" ? text.padStart(width) : text.padEnd(width);
  };
  return lines.map((line) => `${line.map(pad).join("  ").trimEnd()}\n`).join("");
}

/** All that went wrong, one paragraph for each kind, with the rounds in which it did; empty when nothing did. */
export function formatFailures(samples: readonly Sample[]): string {
  const rounds = new Map<string, Set<number>>();
  for (const sample of samples) {
    for (const failure of sample.failures) {
      const key = `${sample.scenario} ${sample.server}: ${failure}`;
      rounds.set(key, (rounds.get(key) ?? new Set()).add(sample.round + 1));
    }
  }
  return Array.from(rounds, ([text, numbers]) => `${text.replaceAll("\n", "\n    ")} [round ${[...numbers].join(", ")}]\n`).join("");
}

/** `12 of 14 targets met`, or undefined when no row has one. */
export function summarizeTargets(rows: readonly Row[]): string | undefined {
  const targets = rows.flatMap((row) => row.target ?? []);
  if (targets.length === 0) return undefined;
  return `${targets.filter((target) => target.met).length} of ${targets.length} targets met`;
}
