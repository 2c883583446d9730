/**
 * Speaks to the service manager (sd_notify(3)). Node cannot make a datagram socket of the unix family, so the launcher hands this process one
 * that is connected. The master writes into it by itself, because a service manager believes its main process only (NotifyAccess=main).
 */

import { writeSync } from "node:fs";
import { noteText, type ServiceNote } from "../lifecycle/service-notes.ts";
import type { ServiceManager } from "./start-context.ts";

/** A service manager that is busy takes them later; the kernel's own queue holds more than ten. */
const WAITING_MAX = 16;
const RETRY_MS = 100;

export class ServiceNotifier {
  readonly #manager: ServiceManager | undefined;
  readonly #onFailure: (detail: string) => void;
  readonly #waiting: string[] = [];
  #retry: NodeJS.Timeout | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  /** The last note was lost; that is said once, not at every turn of the watchdog. */
  #failing = false;

  /**
   * @param manager    Undefined: nobody is told anything.
   * @param onFailure  Told why notes are lost.
   */
  constructor(manager: ServiceManager | undefined, onFailure: (detail: string) => void) {
    this.#manager = manager;
    this.#onFailure = onFailure;
    if (typeof manager?.connection === "string") onFailure(manager.connection);
  }

  /** @param successorPid  For `handed-over`. */
  tell(note: ServiceNote, successorPid?: number): void {
    if (typeof this.#manager?.connection !== "number") return;
    this.#waiting.push(noteText(note, { monotonicUs: process.hrtime.bigint() / 1000n, successorPid }));
    if (this.#waiting.length > WAITING_MAX) this.#waiting.shift();
    this.#flush(this.#manager.connection);
    if (note === "booted") this.#startWatchdog(this.#manager.watchdogMs);
  }

  #flush(connection: number): void {
    clearTimeout(this.#retry);
    for (let text = this.#waiting[0]; text !== undefined; text = this.#waiting[0]) {
      try {
        writeSync(connection, text);
        this.#failing = false;
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (code === "EAGAIN") {
          this.#retry = setTimeout(() => this.#flush(connection), RETRY_MS);
          return;
        }
        if (!this.#failing) this.#onFailure(message);
        this.#failing = true;
      }
      this.#waiting.shift();
    }
  }

  /** From a timer of the loop that does all the arbiter's work: when that stands still, so does this. */
  #startWatchdog(periodMs: number | undefined): void {
    if (periodMs !== undefined && this.#watchdog === undefined) this.#watchdog = setInterval(() => this.tell("alive"), periodMs).unref();
  }
}
