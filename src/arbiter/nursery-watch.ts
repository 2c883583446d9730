/** Notices a nursery that lives but does nothing: it is asked for a sign of life, which any command's turn in its loop would give. */

/** As good as nothing for a process that sleeps, and a failure within this time is told by its end. */
const ASK_EVERY_MS = 10_000;
/**
 * Two minutes. The nursery runs the configuration and hooks, and forks processes of any size, one after the other: to kill one that is
 * only slow costs every worker.
 */
const LOOKS_WITHOUT_ANSWER_MAX = 12;

export class NurseryWatch {
  readonly #ask: () => void;
  readonly #onSilent: (silentMs: number) => void;
  readonly #periodMs: number;
  #timer: NodeJS.Timeout | undefined;
  /** Looks since it was asked; undefined: it owes nothing. */
  #looks: number | undefined;

  /** @param onSilent  Called once for each time that it has owed the answer for too long. */
  constructor(ask: () => void, onSilent: (silentMs: number) => void, periodMs = ASK_EVERY_MS) {
    this.#ask = ask;
    this.#onSilent = onSilent;
    this.#periodMs = periodMs;
  }

  /** Another nursery has been started: it owes nothing. */
  begin(): void {
    this.end();
    this.#looks = undefined;
    // When what has come meanwhile has been read, and counted in looks: a master that was stopped itself must not take it for silence.
    this.#timer = setInterval(() => setImmediate(() => this.#look()), this.#periodMs);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  answered(): void {
    this.#looks = undefined;
  }

  #look(): void {
    if (this.#timer === undefined) return;
    if (this.#looks === undefined) {
      this.#looks = 0;
      this.#ask();
      return;
    }
    this.#looks += 1;
    if (this.#looks < LOOKS_WITHOUT_ANSWER_MAX) return;
    this.#looks = undefined;
    this.#onSilent(LOOKS_WITHOUT_ANSWER_MAX * this.#periodMs);
  }
}
