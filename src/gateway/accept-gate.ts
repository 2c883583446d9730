/**
 * When to stop accepting clients: before the process runs out of descriptors (Node would accept them and drop them), and when
 * more requests wait than `queue_limit` allows. Clients then wait in the kernel's queue (design §4, §5).
 */

/** Descriptors kept for spools, files, logs and worker channels. */
const DESCRIPTOR_RESERVE = 256;
/** Of a small limit at most this part is reserved, so that something can be served at all. */
const RESERVE_SHARE = 0.25;
/** Accepting resumes when the load has fallen to this part of the limit: not at every single request. */
const RESUME_SHARE = 0.9;

export interface GateLoad {
  readonly connections: number;
  readonly queued: number;
}

export class AcceptGate {
  readonly #connectionsMax: number;
  readonly #queueMax: number;
  #open = true;

  /** @param descriptorsMax  RLIMIT_NOFILE of this process. */
  constructor(descriptorsMax: number, queueMax: number) {
    this.#connectionsMax = Math.max(1, descriptorsMax - Math.min(DESCRIPTOR_RESERVE, Math.ceil(descriptorsMax * RESERVE_SHARE)));
    this.#queueMax = queueMax;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** @returns  `"pause"` or `"resume"` when something must change now. */
  judge(load: GateLoad): "pause" | "resume" | undefined {
    if (this.#open) {
      if (load.connections < this.#connectionsMax && load.queued < this.#queueMax) return undefined;
      this.#open = false;
      return "pause";
    }
    const calm = load.connections <= this.#connectionsMax * RESUME_SHARE && load.queued <= this.#queueMax * RESUME_SHARE;
    if (!calm) return undefined;
    this.#open = true;
    return "resume";
  }
}
