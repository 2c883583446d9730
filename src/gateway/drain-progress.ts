/** Tells the operator what a stop still waits for. */

/** Between two lines: as often as somebody who watches wants to know, and a stop that takes its whole 30 s has half a dozen. */
const LINE_MS = 5000;

export interface DrainLeft {
  readonly connections: number;
  /** Being gathered, waiting, or with a worker; open WebSockets too. */
  readonly requests: number;
}

export class DrainProgress {
  readonly #sinceMs: number;
  readonly #say: (text: string) => void;
  #dueMs: number;

  /** @param say  Writes a line. */
  constructor(nowMs: number, say: (text: string) => void) {
    this.#sinceMs = nowMs;
    this.#dueMs = nowMs;
    this.#say = say;
  }

  /** Called as time passes. Says nothing when nothing is left. */
  look(nowMs: number, { connections, requests }: DrainLeft): void {
    if (connections === 0 || nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + LINE_MS;
    const waited = ((nowMs - this.#sinceMs) / 1000).toFixed(1);
    this.#say(`draining connections=${connections} requests=${requests} waited_s=${waited}`);
  }
}
