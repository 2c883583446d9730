/** The beginning of a connection by TLS: the handshake, its time limit and what can go wrong; then the protocol behind it begins. */

import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Peer } from "../request/request-head.ts";
import type { TimeLimit } from "./limits-from-settings.ts";
import { tlsFacts, verifyError } from "./tls-facts.ts";
import type { TlsTerms } from "./tls-terms.ts";

/** When the server stops: a client in the middle of its handshake has no request under way. */
const DRAIN_LINGER_MS = 250;

/** What a handshake needs of the gateway around it. */
export interface HandshakeHost {
  /** Since when the server stops. */
  readonly drainingSinceMs: number | undefined;
  /** Monotonic milliseconds. */
  now(): number;
  /** The socket is the host's. */
  handshakeEnded(handshake: TlsHandshake, socket: TLSSocket, peer: Peer): void;
  /** The connection is gone before its handshake ended. */
  closed(handshake: TlsHandshake): void;
  limitReached(limit: TimeLimit, limitMs: number, remoteAddress: string): void;
  /** The client did not speak TLS, or not as it should. */
  refused(remoteAddress: string, reason: string): void;
  /** An error that should not have been possible. */
  fault(error: unknown): void;
}

export class TlsHandshake {
  /** When the connection was accepted. */
  readonly openedMs: number;
  readonly #socket: TLSSocket;
  readonly #peer: Peer;
  readonly #terms: TlsTerms;
  readonly #host: HandshakeHost;

  /** @param raw  Half-open; what was read of it and not used is in its buffer. */
  constructor(raw: Socket, peer: Peer, terms: TlsTerms, host: HandshakeHost, openedMs: number = host.now()) {
    this.openedMs = openedMs;
    this.#peer = peer;
    this.#terms = terms;
    this.#host = host;
    const socket = new TLSSocket(raw, terms.options());
    // Of TLS itself there is no reset: the connection below has one.
    socket.resetAndDestroy = () => {
      raw.resetAndDestroy();
      return socket.destroy();
    };
    this.#socket = socket;
    socket.on("secure", this.#onSecure).on("end", this.#onEnd).on("error", this.#onError).on("close", this.#onClose);
    raw.on("error", ignore);
  }

  readonly #onSecure = (): void => {
    try {
      const error = this.#terms.asksForCertificate ? verifyError(this.#socket) : undefined;
      if (error !== undefined) {
        this.#host.refused(this.#peer.remoteAddress, `the client's certificate is not accepted: ${error}`);
        this.#socket.destroy();
        return;
      }
      const socket = this.#socket
        .off("secure", this.#onSecure)
        .off("end", this.#onEnd)
        .off("error", this.#onError)
        .off("close", this.#onClose);
      this.#host.handshakeEnded(this, socket, { ...this.#peer, tls: tlsFacts(socket) });
    } catch (error) {
      this.#host.fault(error);
      this.#socket.destroy();
    }
  };

  readonly #onError = (error: NodeJS.ErrnoException & { readonly reason?: string }): void => {
    // A client that just leaves is nobody's business.
    if (error.code?.startsWith("ERR_SSL_") === true)
      this.#host.refused(this.#peer.remoteAddress, `[SSL: ${error.code.slice("ERR_SSL_".length)}] ${error.reason ?? error.message}`);
  };

  /** A client that sends no more will not finish its handshake. */
  readonly #onEnd = (): void => void this.#socket.destroy();

  readonly #onClose = (): void => this.#host.closed(this);

  /** The server ends at once. */
  abandon(): void {
    this.#socket.destroy();
  }

  /** Carries out what has become due. Called a few times a second. */
  sweep(now: number): void {
    const { drainingSinceMs } = this.#host;
    const { handshakeMs } = this.#terms;
    const drained = drainingSinceMs !== undefined && now - Math.max(drainingSinceMs, this.openedMs) >= DRAIN_LINGER_MS;
    const late = now - this.openedMs >= handshakeMs;
    if (late) this.#host.limitReached("handshake-timeout", handshakeMs, this.#peer.remoteAddress);
    if (drained || late) this.#socket.destroy();
  }
}

/** An error is followed by `close`, which says all. */
function ignore(): void {}
