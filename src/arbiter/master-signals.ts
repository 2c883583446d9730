/** The master's signals, caught from the first line of the program on and kept until somebody takes them. */

import { MASTER_SIGNALS, type MasterSignal } from "../lifecycle/event.ts";

const waiting: MasterSignal[] = [];
let listener: (name: MasterSignal) => void = (name) => waiting.push(name);

/** Catches all of them, so that none has its default effect any more. */
export function catchSignals(): void {
  for (const name of MASTER_SIGNALS) process.on(`SIG${name.toUpperCase()}`, () => listener(name));
}

/** Takes what came so far, and from now on everything at once. */
export function takeSignals(take: (name: MasterSignal) => void): void {
  listener = take;
  for (const name of waiting.splice(0)) take(name);
}
