/** Watches event loops: each is asked for a sign of life once a second, and is overdue when it owes one for longer than `timeout`. */

import type { WorkerLink } from "./worker-link.ts";

/** As often as Gunicorn's workers give theirs. */
const PING_MS = 1000;

/** One worker's clock. */
interface Heart {
  readonly link: WorkerLink;
  /** When the PING was sent that is not answered; undefined: none is. */
  askedMs: number | undefined;
  nextMs: number;
  /** What its last PONG took. */
  lagMs: number;
  reported: boolean;
}

export class Heartbeats {
  readonly #hearts = new Map<WorkerLink, Heart>();
  /** 0: silence is allowed. */
  timeoutMs: number;

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
  }

  /** The worker is ready: it is watched from now on. */
  watch(link: WorkerLink, nowMs: number): void {
    this.#hearts.set(link, { link, askedMs: undefined, nextMs: nowMs, lagMs: 0, reported: false });
  }

  forget(link: WorkerLink): void {
    this.#hearts.delete(link);
  }

  answered(link: WorkerLink, nowMs: number): void {
    const heart = this.#hearts.get(link);
    if (heart?.askedMs === undefined) return;
    heart.lagMs = nowMs - heart.askedMs;
    heart.askedMs = undefined;
  }

  /** How long event loops let a PING wait: `[number of the worker, milliseconds]`. */
  lagsMs(nowMs: number): [number, number][] {
    return [...this.#hearts.values()].map(({ link, askedMs, lagMs }) => [link.worker, Math.max(lagMs, nowMs - (askedMs ?? nowMs))]);
  }

  /** @returns how long it has owed a sign of life; 0 when it owes none. */
  silenceMs(link: WorkerLink, nowMs: number): number {
    return Math.max(0, nowMs - (this.#hearts.get(link)?.askedMs ?? nowMs));
  }

  /** Asks those whose time has come. @param overdue  Called once for each that owes its answer for too long. */
  sweep(nowMs: number, overdue: (link: WorkerLink, silentMs: number) => void): void {
    for (const heart of this.#hearts.values()) {
      if (heart.askedMs === undefined) {
        if (nowMs < heart.nextMs) continue;
        heart.askedMs = nowMs;
        heart.nextMs = nowMs + PING_MS;
        heart.link.ping();
      } else if (this.timeoutMs > 0 && nowMs - heart.askedMs > this.timeoutMs && !heart.reported) {
        heart.reported = true;
        overdue(heart.link, nowMs - heart.askedMs);
      }
    }
  }
}
