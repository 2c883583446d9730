/** Gunicorn's own parser as the oracle of ours: one Python process answers batch after batch, and each answer is held against ours. */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { type Case, comparable, cutAt, type Outcome, outcomeOf, peerOf, policyOf } from "./outcome.ts";

const PROGRAM = fileURLToPath(new URL("gunicorn_oracle.py", import.meta.url));

/** A Python process with Gunicorn in it. */
export class GunicornOracle {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  /** @param python  Has gunicorn 27.0.1. */
  constructor(python: string) {
    this.#process = spawn(python, [PROGRAM], { stdio: ["pipe", "pipe", "inherit"] });
    this.#reader = createInterface({ input: this.#process.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
    // A process that died is noticed by the answer that does not come.
    this.#process.stdin.on("error", () => {});
  }

  /** @returns What Gunicorn makes of each case, in their order. */
  async ask(cases: readonly Case[]): Promise<Outcome[]> {
    const lines = cases.map((one) => JSON.stringify({ ...one, bytes: Buffer.from(one.bytes, "latin1").toString("base64") }));
    this.#process.stdin.write(`${lines.join("\n")}\n\n`);
    const outcomes: Outcome[] = [];
    while (outcomes.length < cases.length) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw new Error(`the oracle ended after ${outcomes.length} of ${cases.length} cases`);
      outcomes.push(JSON.parse(value) as Outcome);
    }
    return outcomes;
  }

  close(): void {
    this.#process.stdin.end();
    this.#reader.close();
  }
}

/** What we make of a case that comes in one piece. */
export function ourOutcome(one: Case): Outcome {
  return outcomeOf(cutAt(Buffer.from(one.bytes, "latin1"), []), policyOf(one.settings), peerOf(one));
}

/** How two outcomes compare: the middle ones are the differences that docs/differences.md gives reasons for. */
export type Verdict = "equal" | "Connection is a list" | "a size over 2^53 - 1" | "different";

export function compareOutcomes({ bytes }: Case, ours: Outcome, theirs: Outcome): Verdict {
  if (comparable(ours) === comparable(theirs)) return "equal";
  const until = ours.requests.findIndex((request, index) => JSON.stringify(request) !== JSON.stringify(theirs.requests[index]));
  // Up to the first request that differs all must be equal; what follows on the connection may then be anything.
  const [our, their] = until < 0 ? [ours.requests.at(-1), theirs.requests.at(-1)] : [ours.requests[until], theirs.requests[until]];
  if (hasConnectionList(bytes) && differOnlyInKeepAlive(our, their)) return "Connection is a list";
  if (/[0-9a-f]{14}/i.test(bytes) && /CONTENT-LENGTH|Invalid chunk size/.test(ours.refusal?.message ?? "")) return "a size over 2^53 - 1";
  return "different";
}

/** Gunicorn reads the first Connection field only, and its whole value; we read the list. */
function hasConnectionList(bytes: string): boolean {
  return /connection[ \t]*:.*connection[ \t]*:/is.test(bytes) || /connection[ \t]*:[^\n]*,/i.test(bytes);
}

/** Bodies are left out: what follows a request is only read as one while the connection stays. */
function differOnlyInKeepAlive(ours: object | undefined, theirs: object | undefined): boolean {
  const without = (request: object | undefined) => JSON.stringify({ ...request, keepAlive: undefined });
  return ours !== undefined && theirs !== undefined && without(ours) === without(theirs) && JSON.stringify(ours) !== JSON.stringify(theirs);
}
