/** Runs many mutated inputs through the parser, and says how many, how fast, and with how much memory. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { CORPUS } from "./gunicorn-corpus.ts";
import { H11_CASES } from "./h11-cases.ts";
import { hostileBytes, SETTINGS } from "./hostile-requests.ts";
import { LLHTTP_CASES } from "./llhttp-cases.ts";
import { checkCuts, checkInput, INPUT_BYTES_MAX, mutate, Random } from "./mutated-inputs.ts";
import { outcomeOf, peerOf, policyOf } from "./outcome.ts";
import { smugglingBytes } from "./smuggling-requests.ts";

/** Of this many inputs, one is also cut in other places: that costs as much as a dozen inputs. */
const CUT_EVERY = 16;
const GENERATED_SEEDS = 2000;
const MEMORY_CHECKS = 20;

export interface MutationFigures {
  readonly inputs: number;
  readonly cutInputs: number;
  readonly requests: number;
  /** Longest time that one input took. */
  readonly slowestMs: number;
  /** Live heap after a collection, at each twentieth of the run. */
  readonly heapBytes: readonly number[];
}

/** Sound and hostile requests to damage: Gunicorn's corpus, the published cases, generated ones. */
function seedInputs(seed: number): string[] {
  const generated = [hostileBytes, smugglingBytes].flatMap((arbitrary) => fc.sample(arbitrary, { numRuns: GENERATED_SEEDS, seed }));
  return [...CORPUS, ...LLHTTP_CASES, ...H11_CASES].map(({ bytes }) => bytes.slice(0, INPUT_BYTES_MAX)).concat(generated);
}

/** @throws {Error} Naming the input, for the first one that breaks a rule. */
export function runMutations(inputs: number, seed: number): MutationFigures {
  const random = new Random(seed);
  const seeds = seedInputs(seed);
  const policies = SETTINGS.map(policyOf);
  const peers = [peerOf({ trusted: true, secure: false }), peerOf({ trusted: false, secure: true })];
  const sound = seeds.filter((text) => {
    const { requests, refusal } = outcomeOf([Buffer.from(text, "latin1")], policies[0]!, peers[0]!);
    return requests.length > 0 && refusal === null;
  });
  const collect = garbageCollector();
  const heapBytes: number[] = [];
  let requests = 0;
  let cutInputs = 0;
  let slowestMs = 0;
  for (let count = 0; count < inputs; count += 1) {
    if (count % Math.ceil(inputs / MEMORY_CHECKS) === 0) {
      collect();
      heapBytes.push(process.memoryUsage().heapUsed);
    }
    // Mostly sound requests under the default settings: what is refused at its first line teaches little.
    const policy = random.below(2) === 0 ? policies[0]! : random.pick(policies);
    const peer = random.pick(peers);
    const input = Buffer.from(mutate(random, random.below(4) > 0 ? sound : seeds), "latin1");
    const startedMs = performance.now();
    try {
      requests += checkInput(input, policy, peer, random);
      if (count % CUT_EVERY === 0) {
        cutInputs += 1;
        checkCuts(input, policy, peer, random);
      }
    } catch (error) {
      throw new Error(`input ${count} of seed ${seed}: ${JSON.stringify(input.latin1Slice())}`, { cause: error });
    }
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
  }
  collect();
  heapBytes.push(process.memoryUsage().heapUsed);
  return { inputs, cutInputs, requests, slowestMs, heapBytes };
}

/** V8's collector, so that live memory can be told from garbage. */
export function garbageCollector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
