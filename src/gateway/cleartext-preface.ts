/**
 * The beginning of a connection without TLS that may speak HTTP/2 from its first byte (RFC 9113 §3.3): the socket is read here
 * until its bytes are the preface of HTTP/2, or cannot become it, then it is handed on.
 */

import type { Socket } from "node:net";
import { mayBePreface, PREFACE_BYTES } from "../protocol/http2/frame-reader.ts";
import type { Peer } from "../request/request-head.ts";
import { CROWDED_IDLE_MS } from "./connection-phase.ts";
import type { ConnectionLimits, TimeLimit } from "./limits-from-settings.ts";

/** When the server stops: a client sends its preface with the connection, so one that has sent none by now asks nothing. */
const DRAIN_MS = 250;
const NOTHING = Buffer.alloc(0);

/** What a preface needs of the gateway around it. */
export interface CleartextHost {
  readonly limits: ConnectionLimits;
  /** Since when the server stops. */
  readonly drainingSinceMs: number | undefined;
  /** There is no room for another connection. */
  readonly crowded: boolean;
  /** Monotonic milliseconds. */
  now(): number;
  /** The socket has no listeners of the preface's any more: it is the host's. @param bytes  What has come, valid during the call only. */
  cleartextDecided(preface: CleartextPreface, speaksHttp2: boolean, bytes: Buffer): void;
  /** The connection is gone before it was decided. */
  closed(preface: CleartextPreface): void;
  limitReached(limit: TimeLimit, limitMs: number, remoteAddress: string): void;
  /** An error that should not have been possible. */
  fault(error: unknown): void;
}

export class CleartextPreface {
  readonly socket: Socket;
  readonly peer: Peer;
  /** When the connection was accepted: the time limit of the first request runs from here. */
  readonly openedMs: number;
  readonly #host: CleartextHost;
  /** Less than a preface. */
  #bytes = NOTHING;

  constructor(socket: Socket, peer: Peer, host: CleartextHost, openedMs: number = host.now()) {
    this.socket = socket;
    this.peer = peer;
    this.openedMs = openedMs;
    this.#host = host;
    socket.on("data", this.#onData).on("end", this.#onEnd).on("close", this.#onClose).on("error", ignore);
  }

  readonly #onData = (chunk: Buffer): void => {
    const bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const maybe = mayBePreface(bytes);
    if (maybe && bytes.length < PREFACE_BYTES) {
      this.#bytes = Buffer.from(bytes);
      return;
    }
    this.socket.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose).off("error", ignore);
    try {
      this.#host.cleartextDecided(this, maybe, bytes);
    } catch (error) {
      this.#host.fault(error);
      this.socket.destroy();
    }
  };

  /** Whatever it was to become, nobody waits for an answer to it. */
  readonly #onEnd = (): void => {
    this.socket.destroy();
  };

  readonly #onClose = (): void => this.#host.closed(this);

  /** The server ends at once. */
  abandon(): void {
    this.socket.destroy();
  }

  /** Carries out what has become due. Called a few times a second. */
  sweep(now: number): void {
    const { drainingSinceMs, limits, crowded } = this.#host;
    const limitMs = crowded ? Math.min(limits.headMs, CROWDED_IDLE_MS) : limits.headMs;
    const isLate = now - this.openedMs >= limitMs;
    const isDrained = drainingSinceMs !== undefined && now - Math.max(drainingSinceMs, this.openedMs) >= DRAIN_MS;
    if (isLate) this.#host.limitReached("head-timeout", limitMs, this.peer.remoteAddress);
    if (isLate || isDrained) this.socket.destroy();
  }
}

/** An error is followed by `close`, which says all. */
function ignore(): void {}
