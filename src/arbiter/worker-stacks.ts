/** Asks for the stacks of living workers, which are not disturbed by it (docs/internals/channels.md §1, `stacks`). */

import { eventName } from "./received.ts";

/**
 * More than the nursery takes: it answers in any case within two seconds of a worker's silence, and asks a worker one question after the
 * other. Not much more, for somebody sits at the terminal.
 */
const ANSWER_MS = 10_000;

interface Answer {
  readonly ask: number;
  readonly text: string;
}

export class WorkerStacks {
  readonly #send: (message: object) => void;
  readonly #answerMs: number;
  readonly #waiting = new Map<number, (text: string) => void>();
  #asks = 0;

  /** @param send  To the nursery of now. */
  constructor(send: (message: object) => void, answerMs = ANSWER_MS) {
    this.#send = send;
    this.#answerMs = answerMs;
  }

  /**
   * @param request  A request's id: its stack alone, where the worker finds it.
   * @returns        The Python stacks of all threads, and of tasks or greenlets; or a line that says why there are none. Never rejected.
   */
  ask(worker: number, request = 0): Promise<string> {
    this.#asks += 1;
    const ask = this.#asks;
    return new Promise((fulfil) => {
      const finish = (text: string): void => {
        clearTimeout(timer);
        this.#waiting.delete(ask);
        fulfil(text);
      };
      const timer = setTimeout(() => finish(`cannot show its stacks: no answer in ${this.#answerMs / 1000} s`), this.#answerMs);
      this.#waiting.set(ask, finish);
      this.#send({ cmd: "stacks", worker, ask, request });
    });
  }

  /** @returns whether a message of the nursery's was an answer. */
  hear(message: unknown): boolean {
    if (eventName(message) !== "stacks") return false;
    const { ask, text } = message as Answer;
    this.#waiting.get(ask)?.(text);
    return true;
  }
}
