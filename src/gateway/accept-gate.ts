/**
 * When to stop accepting clients: before the process runs out of descriptors (Node would accept them and drop them), at
 * `connection_limit`, and when more requests wait than `queue_limit` allows. Clients then wait in the kernel's queue (design §4, §5).
 */

/** Descriptors kept free for files, logs, and channels of workers that come. */
const DESCRIPTOR_RESERVE = 256;
/** Of a small limit at most this part is reserved, so that something can be served at all. */
const RESERVE_SHARE = 0.25;
/** Accepting resumes when the load has fallen to this part of the limit: not at every single request. */
const RESUME_SHARE = 0.9;

export interface GateLimits {
  /** RLIMIT_NOFILE of this process. */
  readonly descriptors: number;
  /** Descriptors that the process has open for itself, before its first client. */
  readonly descriptorsOfOurs: number;
  /** 0: as many as the descriptors allow. */
  readonly connections: number;
  /** Requests that may wait. */
  readonly queued: number;
}

export interface GateLoad {
  readonly connections: number;
  /** Descriptors of files and of workers' channels. */
  readonly files: number;
  readonly queued: number;
}

export class AcceptGate {
  #connectionsMax = 0;
  #queueMax = 0;
  readonly #descriptorsMax: number;
  #open = true;
  #crowded = false;

  constructor({ descriptors, descriptorsOfOurs, connections, queued }: GateLimits) {
    const reserve = Math.min(DESCRIPTOR_RESERVE, Math.ceil(descriptors * RESERVE_SHARE));
    this.#descriptorsMax = Math.max(1, descriptors - descriptorsOfOurs - reserve);
    this.change({ connections, queued });
  }

  /** After a reload. */
  change({ connections, queued }: Pick<GateLimits, "connections" | "queued">): void {
    this.#connectionsMax = connections === 0 ? Number.POSITIVE_INFINITY : connections;
    this.#queueMax = queued;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Clients have to wait because there are too many connections: those that are idle had better go. */
  get isCrowded(): boolean {
    return this.#crowded;
  }

  /** @returns  `"pause"` or `"resume"` when something must change now. */
  judge(load: GateLoad): "pause" | "resume" | undefined {
    const wasOpen = this.#open;
    this.#open = wasOpen ? !this.#isFull(load) : !this.#isCrowd(load) && load.queued <= this.#queueMax * RESUME_SHARE;
    this.#crowded = !this.#open && this.#isCrowd(load);
    if (this.#open === wasOpen) return undefined;
    return this.#open ? "resume" : "pause";
  }

  #isFull({ connections, files, queued }: GateLoad): boolean {
    // Without any connection nothing would ever become less: one is always let in.
    const descriptorsFull = connections > 0 && connections + files >= this.#descriptorsMax;
    return connections >= this.#connectionsMax || descriptorsFull || queued >= this.#queueMax;
  }

  /** Too many connections to resume. */
  #isCrowd({ connections, files }: GateLoad): boolean {
    const descriptorsFull = connections > 0 && connections + files > this.#descriptorsMax * RESUME_SHARE;
    return connections > this.#connectionsMax * RESUME_SHARE || descriptorsFull;
  }
}
