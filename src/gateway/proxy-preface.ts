/**
 * The beginning of a connection that may open with a PROXY header: the socket is read here until it is known who the
 * client is, then it is handed on to whatever protocol is spoken behind the header.
 */

import type { Socket } from "node:net";
import { PeerAllowList } from "../base/ip-network.ts";
import { refusalPage } from "../protocol/http1/response-writer.ts";
import { ProxyHeaderReader, type ProxyVersions } from "../protocol/proxy/header-reader.ts";
import { ProtocolError } from "../request/protocol-error.ts";
import type { Peer, ProxyHeader } from "../request/request-head.ts";
import type { Settings } from "../settings/table.ts";
import type { ConnectionLimits, TimeLimit } from "./limits-from-settings.ts";

/** When the server stops: a proxy sends its header with the connection, so one that has sent none by now has no request under way. */
const DRAIN_LINGER_MS = 250;

/** Which headers are read, and from whom. */
export interface ProxyRules {
  readonly versions: ProxyVersions;
  isAllowed(address: string): boolean;
}

/** @returns undefined when connections begin with their protocol at once. */
export function proxyRules(settings: Settings): ProxyRules | undefined {
  // uWSGI's packets have the client's address in their variables: Gunicorn reads no PROXY header before them.
  if (settings.proxy_protocol === "off" || settings.protocol === "uwsgi") return undefined;
  const list = new PeerAllowList(settings.proxy_allow_ips);
  return { versions: settings.proxy_protocol, isAllowed: (address) => list.matches(address) };
}

/** How a preface ended: with the bytes behind it, or with a header that is refused. */
export type PrefaceEnd =
  | { readonly at: "done"; readonly peer: Peer; readonly rest: Buffer }
  | { readonly at: "refused"; readonly peer: Peer; readonly error: ProtocolError };

/** What a preface needs of the gateway around it. */
export interface PrefaceHost {
  readonly limits: ConnectionLimits;
  /** Since when the server stops. */
  readonly drainingSinceMs: number | undefined;
  /** Monotonic milliseconds. */
  now(): number;
  /** The socket has no listeners of the preface's any more: it is the host's. */
  prefaceEnded(preface: ProxyPreface, end: PrefaceEnd): void;
  /** The connection is gone before its preface ended. */
  closed(preface: ProxyPreface): void;
  limitReached(limit: TimeLimit, limitMs: number, remoteAddress: string): void;
  /** An error that should not have been possible. */
  fault(error: unknown): void;
}

export class ProxyPreface {
  readonly socket: Socket;
  /** When the connection was accepted: the time limit of the first request's head runs from here. */
  readonly openedMs: number;
  readonly #peer: Peer;
  readonly #host: PrefaceHost;
  readonly #reader: ProxyHeaderReader;

  constructor(socket: Socket, peer: Peer, rules: ProxyRules, host: PrefaceHost) {
    this.socket = socket;
    this.openedMs = host.now();
    this.#peer = peer;
    this.#host = host;
    // A peer on a unix socket has no address that could be in the list: who may open the socket may introduce clients (Gunicorn's rule).
    const allowed = peer.serverPort === undefined || rules.isAllowed(peer.remoteAddress);
    this.#reader = new ProxyHeaderReader(rules.versions, { address: peer.remoteAddress, allowed });
    socket.on("data", this.#onData).on("end", this.#onEnd).on("close", this.#onClose).on("error", ignore);
  }

  readonly #onData = (chunk: Buffer): void => {
    try {
      const end = this.#read(chunk);
      if (end === undefined) return;
      this.socket.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose).off("error", ignore);
      this.#host.prefaceEnded(this, end);
    } catch (error) {
      this.#host.fault(error);
      this.socket.destroy();
    }
  };

  #read(chunk: Buffer): PrefaceEnd | undefined {
    const peer = this.#peer;
    try {
      const outcome = this.#reader.feed(chunk);
      switch (outcome.at) {
        case "more":
          return undefined;
        case "absent":
          return { at: "done", peer, rest: outcome.rest };
        case "header":
          return { at: "done", peer: introducedPeer(peer, outcome.header), rest: outcome.rest };
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return { at: "refused", peer, error };
    }
  }

  /** A header that is cut off gets no answer, as a request's head that is: nobody waits for one. */
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
    const { drainingSinceMs, limits } = this.#host;
    const drained = drainingSinceMs !== undefined && now - Math.max(drainingSinceMs, this.openedMs) >= DRAIN_LINGER_MS;
    const late = now - this.openedMs >= limits.headMs;
    if (!drained && !late) return;
    if (this.socket.writableEnded) {
      this.socket.destroy();
      return;
    }
    if (late) this.#host.limitReached("head-timeout", limits.headMs, this.#peer.remoteAddress);
    if (late && this.#reader.started) this.socket.write(refusalPage(408, "Request Timeout", "The PROXY header did not come in time"));
    // What still comes is nobody's: its answer could not be sent.
    this.socket.off("data", this.#onData).resume();
    this.socket.destroySoon();
  }
}

/** An error is followed by `close`, which says all. */
function ignore(): void {}

/** The peer as the header describes it; who is trusted with forwarder headers is still decided by the real one. */
function introducedPeer(peer: Peer, proxy: ProxyHeader): Peer {
  if (proxy.addresses === undefined) return { ...peer, proxy };
  const { clientAddress, clientPort } = proxy.addresses;
  return { ...peer, remoteAddress: clientAddress, remotePort: clientPort, proxy };
}
