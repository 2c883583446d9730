/** Lets clients in: the listeners, the gate that closes them for a while, and at a stop those who had connected before it (design §4, §5). */

import type { Settings } from "../settings/table.ts";
import { AcceptGate, type GateLimits, type GateLoad } from "./accept-gate.ts";
import { monotonicMs } from "./clock.ts";
import { descriptorLimit, openDescriptors } from "./descriptors.ts";
import { ACCEPT_REST_MS, type ListenerAddress, Listeners, type ListenersHandler } from "./listeners.ts";

/** Accepting may pause many times a second; the operator is told this often. */
const PAUSED_LINE_MS = 10_000;

export interface AdmissionHost extends ListenersHandler {
  /** Accepting may go on: whoever holds the listeners is to send them again. */
  resume(): void;
  warn(text: string): void;
}

export class Admission {
  readonly #host: AdmissionHost;
  readonly #gate: AcceptGate;
  readonly #listeners: Listeners;
  /** Connections so far. */
  #accepted = 0;
  #stoppingSinceMs: number | undefined;
  #pausedSaidMs = Number.NEGATIVE_INFINITY;

  constructor(settings: Settings, host: AdmissionHost) {
    this.#host = host;
    this.#gate = new AcceptGate({
      descriptors: descriptorLimit(),
      descriptorsOfOurs: openDescriptors(),
      ...gateLimitsOf(settings),
    });
    this.#listeners = new Listeners({
      onConnection: (socket, address) => {
        this.#accepted++;
        host.onConnection(socket, address);
      },
      onListening: () => host.onListening(),
      readsThroughSharedBuffer: () => host.readsThroughSharedBuffer(),
    });
  }

  /** After a reload. */
  change(settings: Settings): void {
    this.#gate.change(gateLimitsOf(settings));
  }

  /** Connections so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Nobody will be let in any more. */
  get closed(): boolean {
    return this.#listeners.closed;
  }

  /** There are too many connections: those that are idle had better go. */
  get crowded(): boolean {
    return this.#gate.isCrowded;
  }

  take(address: ListenerAddress, handle: unknown): void {
    this.#listeners.take(address, handle);
    // The limit was reached again while the listener was on its way.
    if (!this.#gate.isOpen) this.#listeners.pause();
  }

  pause(): void {
    this.#listeners.pause();
  }

  /** Called whenever the load may have changed. */
  judge(load: GateLoad): void {
    const verdict = this.#gate.judge(load);
    if (verdict === "pause") {
      this.#listeners.pause();
      this.#sayPaused(load);
    } else if (verdict === "resume" && this.#stoppingSinceMs === undefined) this.#host.resume();
  }

  #sayPaused({ connections, files, queued }: GateLoad): void {
    const now = monotonicMs();
    if (now < this.#pausedSaidMs + PAUSED_LINE_MS) return;
    this.#pausedSaidMs = now;
    this.#host.warn(`accepting paused connections=${connections} files=${files} queued=${queued}`);
  }

  /** The server stops. @param done  Called when nobody will be let in any more. */
  stop(done: () => void): void {
    this.#stoppingSinceMs = monotonicMs();
    this.#acceptTheRest(this.#accepted, this.#stoppingSinceMs, done);
  }

  /**
   * Clients that connected before the stop may still be in the kernel's queue, and closing the last listener resets them. Node accepts one
   * in each turn of the loop: the queue is empty when two turns bring none, for the first one may not have looked.
   */
  #acceptTheRest(acceptedBefore: number, sinceMs: number, done: () => void): void {
    setImmediate(() =>
      setImmediate(() => {
        // Those who connect all the time, after the stop, must not keep it from its end.
        const late = monotonicMs() - sinceMs >= ACCEPT_REST_MS;
        if (this.#accepted !== acceptedBefore && !late) {
          this.#acceptTheRest(this.#accepted, sinceMs, done);
          return;
        }
        this.#listeners.close();
        done();
      }),
    );
  }
}

function gateLimitsOf({ connection_limit, queue_limit, backlog }: Settings): Pick<GateLimits, "connections" | "queued"> {
  return { connections: connection_limit, queued: queue_limit === 0 ? backlog : queue_limit };
}
