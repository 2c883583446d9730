/** The clients of a gateway: each is given a connection of the protocol that it speaks, as soon as that is known, and kept until it has gone. */

import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Http1Policy } from "../protocol/http1/policy.ts";
import { SWITCHING_PROTOCOLS, type Upgrade } from "../protocol/http2/h2c-upgrade.ts";
import { OutputPool } from "../protocol/http2/output-pool.ts";
import type { Http2Policy } from "../protocol/http2/policy.ts";
import type { RequestStream } from "../request/exchange.ts";
import { ProtocolError } from "../request/protocol-error.ts";
import type { Peer } from "../request/request-head.ts";
import { Traffic } from "../telemetry/traffic.ts";
import type { TlsMaterial } from "../wire/tls-material.ts";
import { type CleartextHost, CleartextPreface } from "./cleartext-preface.ts";
import type { ClientTerms } from "./client-terms.ts";
import { monotonicMs } from "./clock.ts";
import type { GatewayLogs } from "./gateway-logs.ts";
import { type ConnectionHost, Http1Connection } from "./http1-connection.ts";
import { Http2Connection, type Http2Host } from "./http2-connection.ts";
import { type ConnectionLimits, HTTP2_BY_TLS, type TimeLimit } from "./limits-from-settings.ts";
import type { ListenerAddress } from "./listeners.ts";
import type { LoggedExchange } from "./logged-exchange.ts";
import { type PrefaceEnd, type PrefaceHost, ProxyPreface } from "./proxy-preface.ts";
import type { RequestIds } from "./request-ids.ts";
import { type HandshakeHost, TlsHandshake } from "./tls-handshake.ts";
import type { TlsTerms } from "./tls-terms.ts";
import { uwsgiConnection } from "./uwsgi-connection.ts";

/** What clients need of the gateway around them. */
export interface ClientsHost {
  /** Answers a request. */
  readonly handle: (stream: RequestStream) => void;
  /** There is no room for another client. */
  isCrowded(): boolean;
  /** A client has gone. */
  left(): void;
}

/** A client, by whatever it speaks, or before that is known. */
type Client = Http1Connection | Http2Connection | ProxyPreface | CleartextPreface | TlsHandshake;

export class Clients implements ConnectionHost, Http2Host, PrefaceHost, CleartextHost, HandshakeHost {
  readonly outputPool = new OutputPool();
  readonly traffic = new Traffic();
  readonly handle: (stream: RequestStream) => void;
  date = new Date().toUTCString();
  drainingSinceMs: number | undefined;
  parting = false;
  readonly #connections = new Set<Client>();
  readonly #logs: GatewayLogs;
  readonly #host: ClientsHost;
  #terms: ClientTerms;

  constructor(terms: ClientTerms, logs: GatewayLogs, host: ClientsHost) {
    this.#terms = terms;
    this.#logs = logs;
    this.#host = host;
    this.handle = host.handle;
  }

  // --- from the gateway --------------------------------------------------------------------------------------------

  /** New settings, for what begins from now on. */
  change(terms: ClientTerms): void {
    this.#terms = terms;
  }

  /** Files of certificates have been read again. */
  updateTls(material: TlsMaterial): void {
    this.#terms.tls?.update(material);
  }

  get size(): number {
    return this.#connections.size;
  }

  get speakTls(): boolean {
    return this.#terms.tls !== undefined;
  }

  /** Makes the Date header anew. */
  tellTime(): void {
    this.date = new Date().toUTCString();
  }

  /** Carries out what has become due. Called a few times a second. */
  sweep(now: number): void {
    for (const connection of this.#connections) connection.sweep(now);
  }

  /** The process ends at once. */
  abandon(): void {
    for (const connection of this.#connections) connection.abandon();
  }

  accept(socket: Socket, address: ListenerAddress): void {
    this.traffic.connections++;
    const { tls, proxyRules, isTrusted, namesReachedAddress } = this.#terms;
    const remoteAddress = socket.remoteAddress ?? "";
    const peer: Peer = {
      remoteAddress,
      remotePort: socket.remotePort,
      serverName: address.kind === "unix" ? address.path : address.host,
      serverPort: address.kind === "unix" ? undefined : address.port,
      trusted: address.kind === "unix" || isTrusted(remoteAddress),
      secure: tls !== undefined,
      ...(namesReachedAddress && address.kind !== "unix" && isWildcard(address.host)
        ? { acceptedOn: socket.localAddress ?? address.host }
        : {}),
    };
    if (proxyRules !== undefined) this.#connections.add(new ProxyPreface(socket.resume(), peer, proxyRules, this));
    else if (tls !== undefined) this.#shakeHands(socket, peer, tls);
    else this.#connections.add(this.#speak(socket, peer));
  }

  // --- what connections need ---------------------------------------------------------------------------------------

  get policy(): Http1Policy {
    return this.#terms.policy;
  }

  get http2Policy(): Http2Policy {
    return this.#terms.http2Policy;
  }

  get limits(): ConnectionLimits {
    return this.#terms.limits;
  }

  get requestIds(): RequestIds | undefined {
    return this.#terms.requestIds;
  }

  get upgradesToHttp2(): boolean {
    return this.#terms.cleartextHttp2.byUpgrade;
  }

  get crowded(): boolean {
    return this.#host.isCrowded();
  }

  now(): number {
    return monotonicMs();
  }

  log(exchange: LoggedExchange): void {
    const durationMs = monotonicMs() - exchange.arrivedMs;
    this.traffic.answered(exchange.status, durationMs);
    this.#logs.request(exchange, durationMs);
  }

  warn(text: string): void {
    this.#logs.warn(text);
  }

  limitReached(limit: TimeLimit, limitMs: number, remoteAddress: string): void {
    this.#logs.limitReached(limit, limitMs, remoteAddress);
  }

  fault(error: unknown): void {
    this.#logs.fault(error);
  }

  refused(remoteAddress: string, reason: string): void {
    this.warn(`Invalid request from ip=${remoteAddress}: ${reason}`);
  }

  closed(connection: Client): void {
    this.#connections.delete(connection);
    this.#host.left();
  }

  // --- what a client turns out to speak ----------------------------------------------------------------------------

  /** It is known who the client is: the bytes behind the header come to the connection as all that follow them do. */
  prefaceEnded(preface: ProxyPreface, end: PrefaceEnd): void {
    this.#connections.delete(preface);
    const { socket, openedMs } = preface;
    const { tls } = this.#terms;
    if (tls !== undefined) {
      // There is no way yet to tell the client anything.
      if (end.at === "refused") this.#refuseSilently(preface, end.error);
      else this.#shakeHands(socket, end.peer, tls, end.rest, openedMs);
      return;
    }
    if (end.at === "refused") {
      this.#refuse(socket, end.peer, openedMs, end.error);
      return;
    }
    this.#connections.add(this.#speak(socket, end.peer, openedMs));
    if (end.rest.length > 0) socket.emit("data", end.rest);
  }

  cleartextDecided(preface: CleartextPreface, speaksHttp2: boolean, bytes: Buffer): void {
    this.#connections.delete(preface);
    const { socket, peer, openedMs } = preface;
    if (!speaksHttp2 && !this.#terms.cleartextHttp2.besideHttp1) {
      this.#refuse(socket, peer, openedMs, new ProtocolError("bad-http2-preface", "Invalid HTTP/2 connection preface"));
      return;
    }
    this.#connections.add(speaksHttp2 ? new Http2Connection(socket, peer, this, openedMs) : this.#speakHttp1(socket, peer, openedMs));
    socket.emit("data", bytes);
  }

  upgraded(before: Http1Connection, socket: Socket, peer: Peer, upgrade: Upgrade, rest: Buffer): void {
    this.#connections.delete(before);
    socket.write(SWITCHING_PROTOCOLS, "latin1");
    const connection = new Http2Connection(socket, peer, this);
    this.#connections.add(connection);
    connection.upgrade(upgrade);
    if (rest.length > 0) socket.emit("data", rest);
  }

  handshakeEnded(handshake: TlsHandshake, socket: TLSSocket, peer: Peer): void {
    this.#connections.delete(handshake);
    const { openedMs } = handshake;
    const speaksHttp2 = socket.alpnProtocol === HTTP2_BY_TLS;
    this.#connections.add(speaksHttp2 ? new Http2Connection(socket, peer, this, openedMs) : this.#speakHttp1(socket, peer, openedMs));
  }

  #refuse(socket: Socket, peer: Peer, openedMs: number, error: ProtocolError): void {
    const connection = this.#speakHttp1(socket, peer, openedMs);
    this.#connections.add(connection);
    connection.onError(error, undefined);
  }

  #refuseSilently({ socket }: ProxyPreface, error: ProtocolError): void {
    this.refused(socket.remoteAddress ?? "", error.message);
    socket.destroy();
    this.#host.left();
  }

  /** @param read  Bytes that came behind a PROXY header. */
  #shakeHands(socket: Socket, peer: Peer, tls: TlsTerms, read?: Buffer, openedMs?: number): void {
    if (read !== undefined && read.length > 0) socket.pause().unshift(read);
    this.#connections.add(new TlsHandshake(socket, peer, tls, this, openedMs));
  }

  #speak(socket: Socket, peer: Peer, openedMs?: number): Http1Connection | CleartextPreface {
    if (this.#terms.cleartextHttp2.byPreface && peer.trusted) return new CleartextPreface(socket, peer, this, openedMs);
    return this.#speakHttp1(socket, peer, openedMs);
  }

  /** Or uwsgi, where that is spoken instead. */
  #speakHttp1(socket: Socket, peer: Peer, openedMs?: number): Http1Connection {
    const { speaksUwsgi } = this.#terms;
    if (speaksUwsgi !== undefined) return uwsgiConnection(socket, peer, this, speaksUwsgi);
    return new Http1Connection(socket, peer, this, undefined, openedMs);
  }
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::" || host === "";
}
