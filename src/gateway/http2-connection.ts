/** One client's connection speaking HTTP/2: its socket, the protocol's engine, and the exchanges that are open (RFC 9113 §9). */

import type { Socket } from "node:net";
import { Roster } from "../base/roster.ts";
import { refusalBody } from "../protocol/http1/response-writer.ts";
import { type ConnectionEnd, Http2Engine, type Http2Handler } from "../protocol/http2/engine.ts";
import type { Upgrade } from "../protocol/http2/h2c-upgrade.ts";
import type { OutputPool } from "../protocol/http2/output-pool.ts";
import type { Http2Policy } from "../protocol/http2/policy.ts";
import { responseFields } from "../protocol/http2/response-fields.ts";
import type { Http2Stream } from "../protocol/http2/stream.ts";
import { tlsInadequacy } from "../protocol/http2/tls-requirements.ts";
import { PROTOCOL_ERRORS, type ProtocolError, type ProtocolErrorCode } from "../request/protocol-error.ts";
import type { Peer, RequestHead } from "../request/request-head.ts";
import { CROWDED_IDLE_MS } from "./connection-phase.ts";
import type { ClientHost } from "./http1-connection.ts";
import { KEEP_ALIVE_MS } from "./http1-tunnel.ts";
import { Http2Exchange, type Http2ExchangeOwner } from "./http2-exchange.ts";
import { Http2Websocket } from "./http2-websocket.ts";
import type { ConnectionLimits, TimeLimit } from "./limits-from-settings.ts";
import { WriteWatch } from "./write-watch.ts";

/** After a FIN of the client's a request that is still queued this long after is given up, as in HTTP/1. */
const DEPARTED_AFTER_FIN_MS = 5000;
/** Bytes that a client has not taken: beyond them it is not read, so that its requests and PINGs cannot fill memory with answers. */
const UNSENT_BYTES_MAX = 256 * 1024;
/** After the last frame the client's bytes are read for this long, so that a reset does not eat it. */
const LINGER_MS = 2000;
/** The same when the server stops: what was written is with its client in half of this. */
const LINGER_DRAINING_MS = 500;
/** When the server stops, clients that do not say that they have read it are taken at their word so long after. */
const DRAIN_SETTLE_MS = 200;

export interface Http2Host extends ClientHost {
  readonly http2Policy: Http2Policy;
  readonly outputPool: OutputPool;
  closed(connection: Http2Connection): void;
}

export class Http2Connection implements Http2Handler, Http2ExchangeOwner {
  readonly #socket: Socket;
  readonly #host: Http2Host;
  readonly #peer: Peer;
  readonly #engine: Http2Engine;
  readonly #exchanges = new Roster<Http2Exchange>();
  /** Kinds of refusals that the log has of this connection. */
  readonly #refusalsSaid: ProtocolErrorCode[] = [];
  readonly #writeWatch = new WriteWatch();
  readonly #flush = () => this.#guard(() => this.#engine.flush());
  /** Since when no request is open. */
  #idleSinceMs: number;
  #servedBefore = false;
  #finAtMs: number | undefined;
  #drainingSinceMs: number | undefined;
  /** Since when nothing is said any more. */
  #lingeringSinceMs: number | undefined;
  #readingPaused = false;

  /** @param openedMs  When the connection began: earlier than now, when other bytes came first. */
  constructor(socket: Socket, peer: Peer, host: Http2Host, openedMs: number = host.now()) {
    this.#socket = socket;
    this.#host = host;
    this.#peer = peer;
    this.#idleSinceMs = openedMs;
    this.#engine = new Http2Engine(host.http2Policy, peer, this, host.outputPool);
    socket.on("data", (chunk: Buffer) => this.#guard(() => this.#receive(chunk)));
    socket.on("end", () => this.#guard(() => this.#onFin()));
    socket.on("drain", () => this.#guard(() => this.#onDrain()));
    socket.on("error", () => {});
    socket.on("close", () => this.#guard(() => this.#onClose()));
    const inadequacy = peer.tls === undefined ? undefined : tlsInadequacy(peer.tls);
    if (inadequacy !== undefined) this.#guard(() => this.#engine.close("INADEQUATE_SECURITY", inadequacy));
  }

  /** Begins with a request that HTTP/1 brought; its `101` has been written. */
  upgrade({ settings, head }: Upgrade): void {
    this.#guard(() => this.#engine.upgrade(settings, head));
  }

  /** A fault of ours costs the client that met it its connection, and nobody else anything. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#host.fault(error);
    this.#socket.destroy();
  }

  // --- from the socket ---------------------------------------------------------------------------------------------

  #receive(chunk: Buffer): void {
    this.#host.traffic.receivedBytes += chunk.length;
    this.#engine.receive(chunk, this.#host.now());
    this.#watchUnsent();
  }

  #watchUnsent(): void {
    if (this.#readingPaused || this.#socket.writableLength <= UNSENT_BYTES_MAX) return;
    this.#readingPaused = true;
    this.#socket.pause();
  }

  #onDrain(): void {
    if (this.#readingPaused) {
      this.#readingPaused = false;
      this.#socket.resume();
    }
    this.#engine.drained();
  }

  #onFin(): void {
    this.#finAtMs = this.#host.now();
    if (this.#lingeringSinceMs !== undefined) {
      if (this.#socket.writableLength === 0) this.#socket.destroy();
      return;
    }
    for (const exchange of this.#exchanges.all()) exchange.onClientFin?.();
    this.#engine.inputEnded();
  }

  #onClose(): void {
    this.#engine.clientLeft();
    this.#host.closed(this);
  }

  // --- from the protocol -------------------------------------------------------------------------------------------

  write(bytes: Buffer, pooled: Buffer | undefined): boolean {
    this.#host.traffic.sentBytes += bytes.length;
    if (pooled === undefined) return this.#socket.destroyed || this.#socket.write(bytes);
    const giveBack = () => this.#host.outputPool.giveBack(pooled);
    if (!this.#socket.destroyed) return this.#socket.write(bytes, giveBack);
    giveBack();
    return true;
  }

  wantsFlush(): void {
    setImmediate(this.#flush);
  }

  onRequest(stream: Http2Stream, head: RequestHead): void {
    const exchange = new Http2Exchange(stream, this.#host.requestIds?.identify(head) ?? head, this.#host.now(), this);
    if (head.connectProtocol !== undefined) {
      exchange.websocket = new Http2Websocket(exchange, stream.requestEnded);
      this.#socket.setKeepAlive(true, KEEP_ALIVE_MS);
    }
    this.#exchanges.add(exchange);
    this.#servedBefore = true;
    this.#host.handle(exchange);
  }

  onRefusal(stream: Http2Stream, error: ProtocolError): void {
    // A client may ask for the same again and again; where HTTP/1 closes the connection, this one stays.
    if (!this.#refusalsSaid.includes(error.code)) {
      this.#refusalsSaid.push(error.code);
      this.#warn(error.message);
    }
    const { status, reason } = PROTOCOL_ERRORS[error.code];
    const page = Buffer.from(refusalBody(reason, error.pageText), "latin1");
    stream.respond(status, responseFields(`Content-Type: text/html\r\nContent-Length: ${page.length}\r\n`, this.date), page);
  }

  onEnd({ code, reason }: ConnectionEnd): void {
    if (code !== "NO_ERROR") this.#warn(reason);
    this.#lingeringSinceMs = this.#host.now();
    this.#socket.end();
    if (this.#readingPaused) this.#socket.resume();
  }

  #warn(text: string): void {
    this.#host.warn(`Invalid request from ip=${this.#peer.remoteAddress}: ${text}`);
  }

  // --- from the exchanges ------------------------------------------------------------------------------------------

  get date(): string {
    return this.#host.date;
  }

  get limits(): ConnectionLimits {
    return this.#host.limits;
  }

  limitReached(limit: TimeLimit, limitMs: number): void {
    this.#host.limitReached(limit, limitMs, this.#peer.remoteAddress);
  }

  exchangeDone(exchange: Http2Exchange): void {
    this.#exchanges.remove(exchange);
    if (this.#exchanges.size === 0) this.#idleSinceMs = this.#host.now();
    this.#host.log(exchange);
  }

  // --- as time passes ----------------------------------------------------------------------------------------------

  /** The process ends at once: streams without their end tell the client what is missing. */
  abandon(): void {}

  /** Carries out what has become due. Called a few times a second, for all connections. */
  sweep(now: number): void {
    this.#guard(() => {
      if (this.#lingeringSinceMs !== undefined) this.#watchLingering(now, this.#lingeringSinceMs);
      else this.#watch(now);
    });
  }

  #watch(now: number): void {
    for (const exchange of this.#exchanges.all()) exchange.sweep(now);
    if (this.#finAtMs !== undefined && now - this.#finAtMs >= DEPARTED_AFTER_FIN_MS) {
      for (const exchange of this.#exchanges.all()) exchange.giveUpQueued();
    }
    if (this.#writeWatch.isStalled(this.#socket, now, this.#host.limits.writeMs)) {
      this.limitReached("write-timeout", this.#host.limits.writeMs);
      this.#reset();
      return;
    }
    this.#watchDrain(now);
    if (this.#exchanges.size === 0 && this.#lingeringSinceMs === undefined) this.#watchIdle(now);
  }

  /** Not `destroy`: the kernel would keep its megabytes for the client, and go on sending them. A unix socket knows no reset. */
  #reset(): void {
    if (this.#peer.remotePort === undefined) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  #watchDrain(now: number): void {
    if (this.#host.drainingSinceMs === undefined) return;
    if (this.#drainingSinceMs === undefined) {
      this.#drainingSinceMs = now;
      this.#engine.drain();
    } else if (now - this.#drainingSinceMs >= DRAIN_SETTLE_MS) this.#engine.settleDrain();
  }

  /** The time without a request counts, whatever else comes: frames that ask for nothing keep no connection. */
  #watchIdle(now: number): void {
    const { limits, crowded } = this.#host;
    const idleMs = this.#peer.trusted ? limits.proxyIdleMs : limits.idleMs;
    const usualMs = this.#servedBefore ? idleMs : limits.headMs;
    const limitMs = crowded ? Math.min(usualMs, CROWDED_IDLE_MS) : usualMs;
    if (this.#socket.writableLength > 0) this.#idleSinceMs = now;
    if (now - this.#idleSinceMs < limitMs) return;
    this.limitReached(this.#servedBefore ? "idle-timeout" : "head-timeout", limitMs);
    this.#engine.close("NO_ERROR", "idle");
  }

  #watchLingering(now: number, sinceMs: number): void {
    if (this.#writeWatch.isStalled(this.#socket, now, this.#host.limits.writeMs)) {
      this.#reset();
      return;
    }
    // The time begins when the kernel has the last byte.
    if (this.#socket.writableLength > 0) {
      this.#lingeringSinceMs = now;
      return;
    }
    const lingerMs = this.#host.drainingSinceMs === undefined ? LINGER_MS : LINGER_DRAINING_MS;
    if (now - sinceMs >= lingerMs) this.#socket.destroy();
  }
}
