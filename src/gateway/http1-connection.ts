/** One client's connection speaking HTTP/1: its socket, its parser, and the exchanges one after another (RFC 9112 §9). */

import type { Socket } from "node:net";
import type { Http1Policy } from "../protocol/http1/policy.ts";
import { Http1Parser } from "../protocol/http1/request-parser.ts";
import { refusalPage } from "../protocol/http1/response-writer.ts";
import { readUpgrade, type Upgrade } from "../protocol/http2/h2c-upgrade.ts";
import type { RequestHandler, RequestParser } from "../protocol/request-parser.ts";
import type { BodyEnd, RequestStream, TunnelUser } from "../request/exchange.ts";
import { PROTOCOL_ERRORS, type ProtocolError } from "../request/protocol-error.ts";
import type { Peer, RequestHead } from "../request/request-head.ts";
import type { Traffic } from "../telemetry/traffic.ts";
import { ClientPace } from "./client-pace.ts";
import { type Phase, type PhaseSurroundings, whatIsDue } from "./connection-phase.ts";
import { type ExchangeConnection, Http1Exchange } from "./http1-exchange.ts";
import { Http1Tunnel } from "./http1-tunnel.ts";
import type { ConnectionLimits, TimeLimit } from "./limits-from-settings.ts";
import type { LoggedExchange } from "./logged-exchange.ts";
import type { RequestIds } from "./request-ids.ts";
import { WriteWatch } from "./write-watch.ts";

/** After its FIN a client may still read the answer; a request that is still queued this long after is given up (design §4). */
const DEPARTED_AFTER_FIN_MS = 5000;
/** Bytes of pipelined requests that are held while one is served; beyond it the socket is not read. */
const PIPELINED_BYTES_MAX = 65536;
/** Response bytes that a client has not taken while its next request is already here: beyond it that request waits. */
const UNSENT_BYTES_MAX = 65536;
/** Of a request body that nobody wants, this much is read to save the connection; beyond it the connection is closed (Gunicorn's gthread: 64 KiB). */
const UNWANTED_BODY_BYTES_MAX = 65536;
/** Of a connection that has been idle for so long nothing is kept that only makes it faster. */
const KEPT_IDLE_MS = 1000;

/** What a connection needs of the gateway around it, whatever it speaks. */
export interface ClientHost {
  readonly limits: ConnectionLimits;
  /** Where bytes are counted. */
  readonly traffic: Traffic;
  /** Value of the Date header, made once a second. */
  readonly date: string;
  /** Since when the server stops: every response is the last of its connection. */
  readonly drainingSinceMs: number | undefined;
  /** There is no room for another connection. */
  readonly crowded: boolean;
  /** Monotonic milliseconds. */
  now(): number;
  /** Absent where nobody asks for ids. */
  readonly requestIds?: RequestIds | undefined;
  handle(stream: RequestStream): void;
  /** The exchange is over; its bytes have been given to the kernel. */
  log(exchange: LoggedExchange): void;
  warn(text: string): void;
  limitReached(limit: TimeLimit, limitMs: number, remoteAddress: string): void;
  /** An error that should not have been possible. */
  fault(error: unknown): void;
}

/** The same for a connection of HTTP/1. */
export interface ConnectionHost extends ClientHost {
  /** The server is about to stop: every response is the last of its connection, but those that say nothing are left alone. */
  readonly parting: boolean;
  readonly policy: Http1Policy;
  /** Trusted clients may go on in HTTP/2. */
  readonly upgradesToHttp2: boolean;
  /** The socket is the host's: this connection does nothing more with it. @param rest  What the client has sent behind its request. */
  upgraded(connection: Http1Connection, socket: Socket, peer: Peer, upgrade: Upgrade, rest: Buffer): void;
  closed(connection: Http1Connection): void;
}

/** What distinguishes a protocol whose answers are HTTP/1's from HTTP/1. */
export interface RequestProtocol {
  makeParser(peer: Peer, handler: RequestHandler): RequestParser;
  /** Answers without a Content-Length may be chunked; else they end with the connection. */
  readonly chunking: boolean;
}

function http1(policy: Http1Policy): RequestProtocol {
  return { makeParser: (peer, handler) => new Http1Parser(policy, peer, handler), chunking: true };
}

const EXCHANGE: Phase = { at: "exchange" };

export class Http1Connection implements RequestHandler, ExchangeConnection, PhaseSurroundings {
  readonly chunking: boolean;
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #parser: RequestParser;
  readonly #peer: Peer;
  #phase: Phase;
  #exchange: Http1Exchange | undefined;
  /** The exchange is the connection's last: behind it the client's bytes are no HTTP. */
  #tunnel: Http1Tunnel | undefined;
  /** The client has sent FIN: it will ask nothing more, but may still read. */
  #finAtMs: number | undefined;
  /** Trusted peers are proxies, which keep connections for their next client. */
  readonly idleMs: number;
  #pausedByBody = false;
  #pausedByPipeline = false;
  /** The next request waits until the client has taken the answers before it. */
  #nextAwaitsDrain = false;
  #corked = false;
  /** The socket belongs to a connection of HTTP/2. */
  #handedOn = false;
  #unwantedBodyBytes = 0;
  /** While a body is expected, and how much of it has come. */
  #bodyPace: ClientPace | undefined;
  #bodyBytes = 0;
  readonly #writeWatch = new WriteWatch();

  /** @param openedMs  When the connection began: earlier than now, when a PROXY header came first. */
  constructor(
    socket: Socket,
    peer: Peer,
    host: ConnectionHost,
    protocol: RequestProtocol = http1(host.policy),
    openedMs: number = host.now(),
  ) {
    this.#socket = socket;
    this.#host = host;
    this.#peer = peer;
    this.chunking = protocol.chunking;
    this.idleMs = peer.trusted ? host.limits.proxyIdleMs : host.limits.idleMs;
    this.#parser = protocol.makeParser(peer, this);
    this.#phase = { at: "idle", sinceMs: openedMs, servedBefore: false };
    socket.on("data", (chunk: Buffer) => this.#guard(() => this.#receive(chunk)));
    socket.on("end", () => this.#guard(() => this.#onFin()));
    socket.on("drain", () => this.#guard(() => this.#onDrain()));
    socket.on("error", () => {});
    socket.on("close", () => this.#guard(() => this.#onClose()));
  }

  /** A fault of ours costs the client that met it its connection, and nobody else anything. */
  #guard(work: () => void): void {
    if (this.#handedOn) return;
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
    if (this.#leaving) return;
    if (this.#tunnel?.flows) {
      this.#tunnel.receive(chunk);
      return;
    }
    if (this.#phase.at === "idle") this.#phase = { at: "head", sinceMs: this.#host.now() };
    this.#parser.feed(chunk);
    this.#watchPipeline();
  }

  /** Nothing that the client sends counts any more. */
  get #leaving(): boolean {
    return this.#phase.at === "lingering" || this.#phase.at === "cut";
  }

  /** Reads no more while many requests wait for the answer of the one before them. */
  #watchPipeline(): void {
    const full = this.#parser.awaiting === "next" && this.#parser.heldBytes > PIPELINED_BYTES_MAX;
    if (full === this.#pausedByPipeline) return;
    this.#pausedByPipeline = full;
    if (full) this.#socket.pause();
    else this.#resume();
  }

  #onDrain(): void {
    if (this.#nextAwaitsDrain) {
      this.#nextAwaitsDrain = false;
      this.#next();
      return;
    }
    this.#tunnel?.drained();
    this.#exchange?.onDrain?.();
  }

  #onFin(): void {
    this.#finAtMs = this.#host.now();
    if (this.#phase.at === "cut") this.#reset();
    else if (this.#phase.at === "lingering") this.#endLingering();
    else if (this.#tunnel?.flows) this.#tunnel.clientEnded();
    else {
      this.#exchange?.onClientFin?.();
      this.#parser.eof();
    }
  }

  #onClose(): void {
    this.#clientLeft();
    this.#host.closed(this);
  }

  /** There is nobody any more to answer to. */
  #clientLeft(): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    this.#exchange = undefined;
    this.#tunnel?.close();
    exchange.onClientLeft?.();
    exchange.clientLeft();
    this.#host.log(exchange);
  }

  // --- from the parser ---------------------------------------------------------------------------------------------

  onHead(head: RequestHead): void {
    const upgrade = this.#mayUpgrade(head) ? readUpgrade(head) : undefined;
    if (upgrade !== undefined) {
      this.#handedOn = true;
      this.#host.upgraded(this, this.#socket, this.#peer, upgrade, this.#parser.takeRest());
      return;
    }
    this.#phase = EXCHANGE;
    this.#unwantedBodyBytes = 0;
    const now = this.#host.now();
    const exchange = new Http1Exchange(this.#host.requestIds?.identify(head) ?? head, now, this);
    this.#exchange = exchange;
    if (head.framing.kind !== "none") {
      this.#bodyPace = new ClientPace(now, 0);
      this.#bodyBytes = 0;
    }
    this.#host.handle(exchange);
    if (this.#finAtMs !== undefined) exchange.onClientFin?.();
  }

  /** A request with a body stays HTTP/1: its body would have to come before the first frame. */
  #mayUpgrade(head: RequestHead): boolean {
    return this.#host.upgradesToHttp2 && this.#peer.trusted && head.framing.kind === "none" && head.keepAlive;
  }

  onBody(chunk: Buffer): void {
    const exchange = this.#exchange;
    if (exchange !== undefined) {
      this.#bodyBytes += chunk.length;
      exchange.bodyChunk(chunk);
      return;
    }
    this.#unwantedBodyBytes += chunk.length;
    if (this.#unwantedBodyBytes > UNWANTED_BODY_BYTES_MAX) this.#linger();
  }

  onBodyEnd(end: BodyEnd): void {
    this.#bodyPace = undefined;
    if (this.#exchange !== undefined) {
      this.#exchange.bodyEnd(end);
      this.#beginTunnel();
    } else this.#next();
  }

  onError(error: ProtocolError, head: RequestHead | undefined): void {
    this.#host.warn(`Invalid request from ip=${this.#peer.remoteAddress}: ${error.message}`);
    const exchange = this.#exchange;
    const { status, reason } = PROTOCOL_ERRORS[error.code];
    if (exchange !== undefined) {
      this.#refuseBody(exchange, status, reason, error.pageText);
      return;
    }
    // After a finished response the rest of its request was only being skipped: there is nobody to tell (protocols §9.3).
    if (this.#phase.at === "skipping") {
      this.#linger();
      return;
    }
    if (head === undefined) {
      this.write(refusalPage(status, reason, error.pageText));
      this.#linger();
      return;
    }
    // Gunicorn writes an access line for refusals of whole heads: so do we.
    this.#exchange = new Http1Exchange(this.#host.requestIds?.identify(head) ?? head, this.#host.now(), this);
    this.#exchange.refuse(status, reason, error.pageText);
  }

  /** The body broke, or does not come, while a worker may be reading it: it learns that its client has gone. */
  #refuseBody(exchange: Http1Exchange, status: number, reason: string, text: string): void {
    exchange.onClientLeft?.();
    if (exchange.answeredInTunnel) this.cut(exchange);
    else exchange.refuse(status, reason, text);
  }

  onClose(): void {
    // Inside a chunked body: no answer can be right, and nobody waits for one.
    this.#clientLeft();
    this.#socket.end();
  }

  // --- from the exchange -------------------------------------------------------------------------------------------

  get date(): string {
    return this.#host.date;
  }

  get closing(): boolean {
    if (this.idleMs === 0 || this.#tunnel !== undefined) return true;
    // What the client has sent before its end, or before ours, is still answered.
    const { drainingSinceMs, parting } = this.#host;
    return (this.#finAtMs !== undefined || parting || drainingSinceMs !== undefined) && this.#parser.heldBytes === 0;
  }

  write(bytes: Buffer | string): boolean {
    if (this.#socket.destroyed) return true;
    this.#host.traffic.sentBytes += bytes.length;
    return typeof bytes === "string" ? this.#socket.write(bytes, "latin1") : this.#socket.write(bytes);
  }

  /** What is written in this turn of the event loop leaves in one system call: a head and its first body bytes, a last chunk and its end. */
  cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#socket.uncork();
    });
  }

  pauseReading(): void {
    if (this.#tunnel?.flows) return;
    this.#pausedByBody = true;
    this.#socket.pause();
  }

  resumeReading(): void {
    if (this.#tunnel?.flows) return;
    this.#pausedByBody = false;
    this.#resume();
  }

  #resume(): void {
    if (!this.#pausedByBody && !this.#pausedByPipeline) this.#socket.resume();
  }

  exchangeDone(exchange: Http1Exchange, reuse: boolean): void {
    this.#host.log(exchange);
    if (this.#exchange !== exchange) return;
    this.#exchange = undefined;
    this.#tunnel?.close();
    if (this.#pausedByBody) this.resumeReading();
    if (!reuse) this.#linger();
    // Called by whoever sent the response: a fault of the next request is not theirs.
    else if (exchange.bodyEnded) this.#guard(() => this.#next());
    // The rest of the body is skipped first; `onBodyEnd` goes on.
    else this.#phase = { at: "skipping", sinceMs: this.#host.now() };
  }

  cut(exchange: Http1Exchange): void {
    this.#host.log(exchange);
    this.#exchange = undefined;
    this.#tunnel?.close();
    // What else the client has sent is not run: it could not be answered.
    this.#parser.close();
    // What has been written is still sent; the missing end tells the client (RFC 9112 §8).
    if (!exchange.endsWithConnection) {
      this.#phase = { at: "lingering", sinceMs: this.#host.now() };
      this.#socket.destroySoon();
      return;
    }
    // Here a FIN would be the proper end of the body.
    this.#phase = { at: "cut", sinceMs: this.#host.now() };
    if (this.#finAtMs === undefined) this.#socket.resume();
  }

  openTunnel(exchange: Http1Exchange, user: TunnelUser): Http1Tunnel {
    this.#tunnel = new Http1Tunnel(this.#socket, user, this.#host.traffic, {
      onFirstBytes: (bytes) => exchange.tunnelBegan(bytes),
      onOver: (ending) => this.#onTunnelOver(exchange, ending),
    });
    if (exchange.bodyEnded) this.#beginTunnel();
    return this.#tunnel;
  }

  #beginTunnel(): void {
    if (this.#tunnel === undefined) return;
    this.#pausedByBody = this.#pausedByPipeline = false;
    this.#tunnel.begin(this.#parser.takeRest());
    if (this.#finAtMs !== undefined) this.#tunnel.clientEnded();
  }

  #onTunnelOver(exchange: Http1Exchange, ending: "end" | "cut"): void {
    this.#exchange = undefined;
    exchange.tunnelEnded();
    this.#host.log(exchange);
    if (ending === "cut") this.#socket.destroy();
    else this.#linger();
  }

  closeTunnel(): void {
    this.#tunnel?.close();
    // Its user may have paused; what the client still sends is nobody's.
    this.#resume();
  }

  /** Both sides have said that they are done. What is written still goes out; with its last byte the socket closes by itself. */
  #endLingering(): void {
    if (!this.unsent) this.#socket.destroy();
  }

  /** Ends the connection so that the client can tell from it that something is missing. A unix socket knows no reset. */
  #reset(): void {
    if (this.#peer.remotePort === undefined) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  /** The process ends at once: the end of the connection must not look like the end of a body. */
  abandon(): void {
    if (this.#exchange?.endsWithConnection || this.#phase.at === "cut") this.#reset();
  }

  // --- between exchanges -------------------------------------------------------------------------------------------

  #next(): void {
    // A client that asks on and does not read must not fill memory with answers; `write_timeout` watches it meanwhile.
    if (this.#socket.writableLength > UNSENT_BYTES_MAX) {
      this.#phase = EXCHANGE;
      this.#nextAwaitsDrain = true;
      return;
    }
    this.#phase = { at: "idle", sinceMs: this.#host.now(), servedBefore: true };
    this.#parser.next();
    this.#watchPipeline();
    if (this.#exchange === undefined && this.#phase.at === "idle" && this.#parser.headStarted) {
      this.#phase = { at: "head", sinceMs: this.#host.now() };
    }
  }

  /** Sends FIN after what has been written, then reads on for a little: a reset would take the last bytes from the client. */
  #linger(): void {
    this.#phase = { at: "lingering", sinceMs: this.#host.now() };
    this.#parser.close();
    this.#pausedByBody = this.#pausedByPipeline = false;
    this.#socket.end();
    if (this.#finAtMs === undefined) this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  // --- as time passes ----------------------------------------------------------------------------------------------

  get limits(): ConnectionLimits {
    return this.#host.limits;
  }

  get drainingSinceMs(): number | undefined {
    return this.#host.drainingSinceMs;
  }

  get crowded(): boolean {
    return this.#host.crowded;
  }

  get unsent(): boolean {
    return this.#socket.writableLength > 0;
  }

  /** Carries out what has become due. Called a few times a second, for all connections: nothing is allocated for an idle one. */
  sweep(now: number): void {
    try {
      this.#carryOutDue(now);
      if (this.#phase.at === "idle" && now - this.#phase.sinceMs >= KEPT_IDLE_MS) this.#parser.idle();
      if (this.#phase.at === "exchange") this.#watchExchange(now);
      if (this.#writeWatch.isStalled(this.#socket, now, this.#host.limits.writeMs)) {
        this.#limitReached("write-timeout", this.#host.limits.writeMs);
        // Not `destroy`: the kernel would keep its megabytes for the client, and go on sending them.
        this.#reset();
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #carryOutDue(now: number): void {
    const due = whatIsDue(this.#phase, now, this);
    switch (due?.is) {
      case undefined:
        return;
      case "close-idle":
        this.#limitReached(due.limit, due.limitMs);
        this.#linger();
        return;
      case "refuse-head":
        this.#limitReached("head-timeout", due.limitMs);
        this.write(refusalPage(408, "Request Timeout", "The request's head did not come in time"));
        this.#linger();
        return;
      case "close-drained":
        this.#phase = { at: "lingering", sinceMs: now };
        this.#parser.close();
        this.#socket.destroySoon();
        return;
      case "begin-anew":
        if (this.#phase.at !== "exchange") this.#phase = { ...this.#phase, sinceMs: now };
        return;
      case "linger":
        this.#linger();
        return;
      case "destroy":
        this.#socket.destroy();
        return;
      case "reset":
        this.#reset();
        return;
    }
  }

  #watchExchange(now: number): void {
    const { bodyMs } = this.#host.limits;
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    if (this.#finAtMs !== undefined && now - this.#finAtMs >= DEPARTED_AFTER_FIN_MS && exchange.withdraw?.()) {
      this.#clientLeft();
      this.#socket.end();
    } else if (this.#pausedByBody || exchange.bodyMayWait) this.#bodyPace?.restart(now, this.#bodyBytes);
    else if (this.#bodyPace?.isTooSlow(now, this.#bodyBytes, bodyMs)) {
      this.#limitReached("body-timeout", bodyMs);
      this.#refuseBody(exchange, 408, "Request Timeout", "The request's body did not come in time");
    }
  }

  #limitReached(limit: TimeLimit, limitMs: number): void {
    this.#host.limitReached(limit, limitMs, this.#peer.remoteAddress);
  }
}
