import { type MeasureContext, type MixedLoad, measure, measureCapacity } from "./measure.ts";
import type { Sample } from "./metrics.ts";
import type { Mixed, Scenario } from "./scenarios.ts";
import type { ServerSpec } from "./servers.ts";
import { median } from "./statistics.ts";

/** Share of the servers' median capacity that an open loop asks for: busy, but with room for the queue behind a slow request to empty again. */
const LOAD_SHARE = 0.4;

/** What a whole run does. */
export interface Plan {
  readonly scenarios: readonly Scenario[];
  readonly servers: readonly ServerSpec[];
  readonly rounds: number;
  readonly context: MeasureContext;
  /** Called with every sample as soon as it is there. */
  readonly report: (sample: Sample) => void;
}

/** One sample of each server's capacity for the mixture, in `requests/s`. */
async function sampleCapacities(plan: Plan, scenario: Mixed): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const spec of plan.servers) {
    const measured = await measureCapacity(spec, scenario, plan.context);
    if (measured !== undefined) samples.push({ scenario: scenario.id, server: spec.name, round: 0, ...measured });
  }
  return samples;
}

/** One rate for all servers, or the faster one would be judged under a higher load. Undefined when no capacity could be measured. */
export function chooseRate(capacities: readonly Sample[]): number | undefined {
  const measured = capacities.flatMap((sample) => sample.values["requests/s"] || []);
  return measured.length === 0 ? undefined : LOAD_SHARE * median(measured);
}

/** Runs all scenarios; within one the servers take turns: A B C, A B C, so that a noisy minute hits all of them. */
export async function runRounds(plan: Plan): Promise<Sample[]> {
  const samples: Sample[] = [];
  const add = (sample: Sample): void => {
    samples.push(sample);
    plan.report(sample);
  };
  for (const scenario of plan.scenarios) {
    let ratePerSecond: number | undefined;
    if (scenario.kind === "mixed") {
      const capacities = await sampleCapacities(plan, scenario);
      for (const sample of capacities) add(sample);
      ratePerSecond = chooseRate(capacities);
      if (ratePerSecond === undefined) continue;
    }
    for (let round = 0; round < plan.rounds; round += 1) {
      const load: MixedLoad | undefined = ratePerSecond === undefined ? undefined : { ratePerSecond, seed: round + 1 };
      for (const spec of plan.servers) {
        const measured = await measure(spec, scenario, plan.context, load);
        if (measured !== undefined) add({ scenario: scenario.id, server: spec.name, round, ...measured });
      }
    }
  }
  return samples;
}
