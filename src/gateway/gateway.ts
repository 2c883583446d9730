/** The gateway process: listeners, clients' connections and the worker pool, as the arbiter and the nursery tell it. */

import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import type { TLSSocket } from "node:tls";
import { EntryIds } from "../dispatch/entry-ids.ts";
import type { Http1Policy } from "../protocol/http1/policy.ts";
import { SWITCHING_PROTOCOLS, type Upgrade } from "../protocol/http2/h2c-upgrade.ts";
import { OutputPool } from "../protocol/http2/output-pool.ts";
import type { Http2Policy } from "../protocol/http2/policy.ts";
import type { RequestStream } from "../request/exchange.ts";
import { ProtocolError } from "../request/protocol-error.ts";
import type { Peer } from "../request/request-head.ts";
import type { Settings } from "../settings/table.ts";
import { ErrorLog } from "../telemetry/error-log.ts";
import { Traffic } from "../telemetry/traffic.ts";
import { ENTRY_COUNT } from "../wire/frame-types.ts";
import type { TlsMaterial } from "../wire/tls-material.ts";
import { AdminPrefix } from "./admin-prefix.ts";
import { Admission } from "./admission.ts";
import { ApplicationSocket } from "./application-socket.ts";
import { type CleartextHost, CleartextPreface } from "./cleartext-preface.ts";
import { everyTurnAfter, monotonicMs } from "./clock.ts";
import { ControlChannel, type GatewayCommand } from "./control-channel.ts";
import { CounterReports, type GaugesNow } from "./counter-reports.ts";
import { openFileCount } from "./descriptors.ts";
import { DrainProgress } from "./drain-progress.ts";
import { describeError, GatewayLogs } from "./gateway-logs.ts";
import { reportOf } from "./holdings.ts";
import { type ConnectionHost, Http1Connection } from "./http1-connection.ts";
import { Http2Connection, type Http2Host } from "./http2-connection.ts";
import { dropPrivileges } from "./identity.ts";
import {
  type CleartextHttp2,
  type ConnectionLimits,
  cleartextHttp2,
  connectionLimits,
  HTTP2_BY_TLS,
  http1PolicyOf,
  http2PolicyOf,
  mountPoint,
  poolLimits,
  protocolsByTls,
  spoolBudgets,
  type TimeLimit,
  trustedPeers,
  uwsgiPeers,
  withoutEndAtZero,
} from "./limits-from-settings.ts";
import type { ListenerAddress } from "./listeners.ts";
import { LoadCharacter } from "./load-character.ts";
import type { LoggedExchange } from "./logged-exchange.ts";
import { type PrefaceEnd, type PrefaceHost, ProxyPreface, type ProxyRules, proxyRules } from "./proxy-preface.ts";
import { RequestIds } from "./request-ids.ts";
import { pullServing, pushServing } from "./serving.ts";
import { SpoolWarning } from "./spool-warning.ts";
import { TicketPort } from "./ticket-port.ts";
import { type HandshakeHost, TlsHandshake } from "./tls-handshake.ts";
import { TlsTerms } from "./tls-terms.ts";
import { uwsgiConnection } from "./uwsgi-connection.ts";
import { type PoolLimits, WorkerPool } from "./worker-pool.ts";
import { type Way, WorkerPools, wayOf } from "./worker-pools.ts";

/** Descriptors given at the start (docs/internals/channels.md §3). */
export interface GatewayDescriptors {
  readonly ticketFd: number;
  readonly slotsFd: number;
  readonly controlFd: number;
}

/** What the nursery says, each with a handle. */
export type NurseryMessage =
  | ({ readonly cmd: "listen" } & ListenerAddress)
  | {
      readonly cmd: "worker";
      readonly worker: number;
      readonly pid: number;
      readonly lane: number;
      readonly way: Way;
      readonly generation: number;
    }
  | { readonly cmd: "taken"; readonly stream: number; readonly way: Way };

/** Deadlines are looked at this often: their precision. */
const SWEEP_MS = 250;
/** The stop waits for the slowest deadline, so they are looked at more often then. */
const DRAIN_SWEEP_MS = 50;
/** Exit code after a fault of ours. */
const FAULT_CODE = 1;
/** The Date header has seconds. */
const DATE_MS = 1000;

export class Gateway {
  readonly #descriptors: GatewayDescriptors;
  readonly #control: ControlChannel;
  /** What came from the nursery before the arbiter's settings. */
  #waiting: [NurseryMessage, unknown][] | undefined = [];
  #service: Service | undefined;

  constructor(descriptors: GatewayDescriptors) {
    this.#descriptors = descriptors;
    this.#control = new ControlChannel(
      descriptors.controlFd,
      (command) => this.#onCommand(command),
      () => process.exit(0),
    );
  }

  onNurseryMessage(message: NurseryMessage, handle: unknown): void {
    if (this.#waiting !== undefined) this.#waiting.push([message, handle]);
    else this.#service?.onNurseryMessage(message, handle);
  }

  /**
   * The last guard: a fault that no connection contained has left nobody knows what behind. Another gateway begins afresh, and the
   * arbiter, which starts it, makes it wait longer after each that dies young.
   */
  fail(error: unknown): void {
    const text = `gateway fault outside connections, leaving\n${describeError(error)}`;
    if (this.#service !== undefined) this.#service.lastWords(text);
    else new ErrorLog({ output: "-", level: "critical", pid: process.pid }).write("critical", text);
    process.exit(FAULT_CODE);
  }

  #onCommand(command: GatewayCommand): void {
    if (command.cmd !== "configure") {
      this.#service?.onCommand(command);
      return;
    }
    // The arbiter sends the resolved settings of the one table, as JSON.
    const settings = command.settings as unknown as Settings;
    if (this.#service !== undefined) {
      this.#service.change(settings, command.tls, command.python);
      return;
    }
    this.#service = new Service(this.#descriptors, this.#control, settings, command.tls);
    this.#service.followStatsd(settings, command.python);
    if (command.hold === true) this.#service.sayUp();
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const [message, handle] of waiting) this.#service.onNurseryMessage(message, handle);
  }
}

/** A client, by whatever it speaks, or before that is known. */
type Client = Http1Connection | Http2Connection | ProxyPreface | CleartextPreface | TlsHandshake;

/** The gateway once it is configured. */
class Service implements ConnectionHost, Http2Host, PrefaceHost, CleartextHost, HandshakeHost {
  policy: Http1Policy;
  http2Policy: Http2Policy;
  readonly outputPool = new OutputPool();
  readonly traffic = new Traffic();
  limits: ConnectionLimits;
  requestIds: RequestIds | undefined;
  readonly #control: ControlChannel;
  readonly #pools: WorkerPools;
  readonly #entryIds = new EntryIds(ENTRY_COUNT);
  readonly #admission: Admission;
  #isTrusted: (address: string) => boolean;
  #speaksUwsgi: ((peer: Peer) => boolean) | undefined;
  #cleartextHttp2: CleartextHttp2;
  #proxyRules: ProxyRules | undefined;
  /** Of the workers that the settings ask for. ASGI's scopes name the address which a client reached. */
  #way: Way;
  #poolLimits: PoolLimits;
  readonly #logs: GatewayLogs;
  readonly #counters: CounterReports;
  readonly #adminPrefix: AdminPrefix;
  readonly #budgets = spoolBudgets();
  readonly #spoolWarning = new SpoolWarning(monotonicMs, (text) => this.warn(text));
  /** Undefined: clients speak plain text. */
  #tls: TlsTerms | undefined;
  readonly #connections = new Set<Client>();
  date = new Date().toUTCString();
  drainingSinceMs: number | undefined;
  parting = false;
  #progress: DrainProgress | undefined;
  #upSaid = false;
  #drainedSaid = false;
  readonly #load = new LoadCharacter(monotonicMs());
  #bulk = false;

  constructor(descriptors: GatewayDescriptors, control: ControlChannel, settings: Settings, tls: TlsMaterial | undefined) {
    this.#control = control;
    this.#adminPrefix = new AdminPrefix((id, name) => control.send({ ev: "page", id, name }));
    this.policy = http1PolicyOf(settings);
    this.http2Policy = http2PolicyOf(settings, this.policy);
    this.#cleartextHttp2 = cleartextHttp2(settings);
    this.limits = connectionLimits(settings);
    this.#isTrusted = trustedPeers(settings);
    this.#speaksUwsgi = uwsgiPeers(settings);
    this.#tls = tlsTermsOf(settings, tls);
    this.#proxyRules = proxyRules(settings);
    const scriptName = mountPoint(settings, process.env);
    this.#logs = new GatewayLogs(settings, scriptName, process);
    this.#way = wayOf(settings) ?? "pull";
    this.#poolLimits = this.#followPoolLimits(settings, scriptName);
    const port = new TicketPort(descriptors.ticketFd, descriptors.slotsFd, () => this.#pools.flush());
    this.#pools = new WorkerPools(this.#way, (way) => this.#makePool(way, port, descriptors.slotsFd));
    this.#admission = new Admission(settings, {
      onConnection: (socket, address) => this.#accept(socket, address),
      onListening: () => this.sayUp(),
      // TLS reads by itself.
      readsThroughSharedBuffer: () => this.#tls === undefined,
      resume: () => control.send({ ev: "resume" }),
      warn: (text) => this.warn(text),
    });
    this.#becomeUser(settings);
    this.#counters = new CounterReports(
      this.traffic,
      () => this.#gauges(),
      (counters) => control.send({ ev: "counters", ...counters }),
      { periodMs: SWEEP_MS, nowMs: monotonicMs() },
    );
    everyTurnAfter(SWEEP_MS, () => this.#sweep());
    setInterval(() => {
      this.date = new Date().toUTCString();
    }, DATE_MS);
  }

  #makePool(way: Way, port: TicketPort, slotsFd: number): WorkerPool {
    const limits = this.#poolLimits;
    const control = this.#control;
    const serving = way === "pull" ? pullServing(port, limits) : pushServing(slotsFd, this.#entryIds, limits, way);
    return new WorkerPool(serving, limits, {
      workerReady: (worker) => control.send({ ev: "worker-ready", worker }),
      workerLeaving: (worker) => control.send({ ev: "worker-leaving", worker }),
      workerLost: (lost) => control.send({ ev: "worker-lost", ...lost }),
      overdue: (worker, silentMs, request) => control.send({ ev: "overdue", worker, silentMs, request }),
      late: (worker, limit, first, request) => control.send({ ev: "late", worker, limit, first, request }),
      waited: (durationMs) => this.traffic.waited(durationMs),
      warn: (text) => this.warn(text),
      limitReached: (limit, limitMs, remoteAddress) => this.limitReached(limit, limitMs, remoteAddress),
      fault: (error) => this.fault(error),
      unclaimed: (completion) => this.#logs.unclaimed(completion),
    });
  }

  /** The limits of requests. */
  #followPoolLimits(settings: Settings, scriptName: string): PoolLimits {
    this.#adminPrefix.change(settings.admin_prefix);
    this.requestIds = RequestIds.of(settings);
    return poolLimits(settings, {
      temporaryDirectory: tmpdir(),
      now: monotonicMs,
      scriptName,
      onDiskError: (...failure) => this.#spoolWarning.report(...failure),
      budgets: this.#budgets,
    });
  }

  /** A reload: what begins from now on follows the new settings, logs are opened anew. */
  change(settings: Settings, tls: TlsMaterial | undefined, python: readonly string[]): void {
    this.followStatsd(settings, python);
    this.policy = http1PolicyOf(settings);
    this.http2Policy = http2PolicyOf(settings, this.policy);
    this.#cleartextHttp2 = cleartextHttp2(settings);
    this.limits = connectionLimits(settings);
    this.#isTrusted = trustedPeers(settings);
    this.#speaksUwsgi = uwsgiPeers(settings);
    this.#tls = tlsTermsOf(settings, tls);
    this.#proxyRules = proxyRules(settings);
    const scriptName = mountPoint(settings, process.env);
    this.#logs.change(settings, scriptName);
    this.#poolLimits = this.#followPoolLimits(settings, scriptName);
    // Direct workers need no gateway: it goes on as it is until it is told to go.
    this.#way = wayOf(settings) ?? this.#way;
    this.#pools.change(this.#way, this.#poolLimits);
    this.#admission.change(settings);
    this.#judgeLoad();
  }

  followStatsd(settings: Settings, python: readonly string[]): void {
    this.#logs.followStatsd(settings, python);
  }

  onNurseryMessage(message: NurseryMessage, handle: unknown): void {
    if (message.cmd === "listen") this.#admission.take(message, handle);
    else if (message.cmd === "taken") this.#pools.takeOver(message.way, message.stream, new ApplicationSocket(handle));
    else this.#pools.addLane(message.way, message.worker, message.lane, message.pid, handle, message.generation);
  }

  onCommand(command: Exclude<GatewayCommand, { cmd: "configure" }>): void {
    switch (command.cmd) {
      case "tls":
        this.#tls?.update(command.tls);
        return;
      case "part":
        this.parting = true;
        return;
      case "drain":
        this.#drain();
        return;
      case "quit":
        for (const connection of this.#connections) connection.abandon();
        this.#giveAway();
        process.exit(0);
        return;
      case "pause":
        this.#admission.pause();
        return;
      case "stop-worker":
        this.#pools.stopWorker(command.worker);
        return;
      case "reopen-logs":
        this.#logs.reopen();
        return;
      case "page":
        this.#adminPrefix.answer(command.id, command.page);
        return;
      case "report":
        this.#control.send({ ev: "report", ask: command.ask, ...reportOf(this.#pools, this.#connections.size, this.#admission.accepted) });
        return;
    }
  }

  // --- what connections need ---------------------------------------------------------------------------------------

  now(): number {
    return monotonicMs();
  }

  get crowded(): boolean {
    return this.#admission.crowded;
  }

  handle(stream: RequestStream): void {
    if (this.#adminPrefix.takes(stream)) return;
    this.#pools.handle(stream);
    if (this.#pools.queued > 0) this.#judgeLoad();
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

  lastWords(text: string): void {
    this.#logs.write("critical", text);
    this.#giveAway();
  }

  /** What is held in memory for logs and metrics: the process ends, or may. */
  #giveAway(): void {
    this.#logs.flush();
    this.#counters.report();
  }

  /** It is known who the client is: the bytes behind the header come to the connection as all that follow them do. */
  prefaceEnded(preface: ProxyPreface, end: PrefaceEnd): void {
    this.#connections.delete(preface);
    const { socket, openedMs } = preface;
    if (this.#tls !== undefined) {
      // There is no way yet to tell the client anything.
      if (end.at === "refused") this.#refuseSilently(preface, end.error);
      else this.#shakeHands(socket, end.peer, this.#tls, end.rest, openedMs);
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
    if (!speaksHttp2 && !this.#cleartextHttp2.besideHttp1) {
      this.#refuse(socket, peer, openedMs, new ProtocolError("bad-http2-preface", "Invalid HTTP/2 connection preface"));
      return;
    }
    this.#connections.add(speaksHttp2 ? new Http2Connection(socket, peer, this, openedMs) : this.#speakHttp1(socket, peer, openedMs));
    socket.emit("data", bytes);
  }

  get upgradesToHttp2(): boolean {
    return this.#cleartextHttp2.byUpgrade;
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

  refused(remoteAddress: string, reason: string): void {
    this.warn(`Invalid request from ip=${remoteAddress}: ${reason}`);
  }

  #refuse(socket: Socket, peer: Peer, openedMs: number, error: ProtocolError): void {
    const connection = this.#speakHttp1(socket, peer, openedMs);
    this.#connections.add(connection);
    connection.onError(error, undefined);
  }

  closed(connection: Client): void {
    this.#connections.delete(connection);
    this.#judgeLoad();
    this.#sayDrained();
  }

  // --- its own -----------------------------------------------------------------------------------------------------

  /** Never goes on with more rights than it should have. */
  #becomeUser(settings: Settings): void {
    try {
      dropPrivileges(settings);
    } catch (error) {
      this.#logs.write("error", `gateway cannot become user=${settings.user} group=${settings.group}: ${(error as Error).message}`);
      process.exit(1);
    }
  }

  #accept(socket: Socket, address: ListenerAddress): void {
    this.traffic.connections++;
    const remoteAddress = socket.remoteAddress ?? "";
    const peer: Peer = {
      remoteAddress,
      remotePort: socket.remotePort,
      serverName: address.kind === "unix" ? address.path : address.host,
      serverPort: address.kind === "unix" ? undefined : address.port,
      trusted: address.kind === "unix" || this.#isTrusted(remoteAddress),
      secure: this.#tls !== undefined,
      ...(this.#way === "asgi" && address.kind !== "unix" && isWildcard(address.host)
        ? { acceptedOn: socket.localAddress ?? address.host }
        : {}),
    };
    if (this.#proxyRules !== undefined) this.#connections.add(new ProxyPreface(socket.resume(), peer, this.#proxyRules, this));
    else if (this.#tls !== undefined) this.#shakeHands(socket, peer, this.#tls);
    else this.#connections.add(this.#speak(socket, peer));
    this.#judgeLoad();
  }

  /** @param read  Bytes that came behind a PROXY header. */
  #shakeHands(socket: Socket, peer: Peer, tls: TlsTerms, read?: Buffer, openedMs?: number): void {
    if (read !== undefined && read.length > 0) socket.pause().unshift(read);
    this.#connections.add(new TlsHandshake(socket, peer, tls, this, openedMs));
  }

  #refuseSilently({ socket }: ProxyPreface, error: ProtocolError): void {
    this.refused(socket.remoteAddress ?? "", error.message);
    socket.destroy();
    this.#judgeLoad();
    this.#sayDrained();
  }

  #speak(socket: Socket, peer: Peer, openedMs?: number): Http1Connection | CleartextPreface {
    if (this.#cleartextHttp2.byPreface && peer.trusted) return new CleartextPreface(socket, peer, this, openedMs);
    return this.#speakHttp1(socket, peer, openedMs);
  }

  /** Or uwsgi, where that is spoken instead. */
  #speakHttp1(socket: Socket, peer: Peer, openedMs?: number): Http1Connection {
    if (this.#speaksUwsgi !== undefined) return uwsgiConnection(socket, peer, this, this.#speaksUwsgi);
    return new Http1Connection(socket, peer, this, undefined, openedMs);
  }

  /** Configured, and all listeners taken, or none to be had yet. */
  sayUp(): void {
    if (this.#upSaid) return;
    this.#upSaid = true;
    this.#control.send({ ev: "up", pid: process.pid });
  }

  #judgeLoad(): void {
    const files = openFileCount() + this.#pools.workers;
    this.#admission.judge({ connections: this.#connections.size, files, queued: this.#pools.queued });
  }

  #sweep(): void {
    const now = monotonicMs();
    this.#pools.sweep();
    this.#sweepConnections(now);
    this.#judgeLoad();
    this.#counters.tick(now);
    this.#chooseScheduling();
  }

  #gauges(): GaugesNow {
    const { held, queued, workerLagsMs } = this.#pools;
    return { connections: this.#connections.size, inFlight: held, queued, workerLagsMs };
  }

  #sweepConnections(now: number): void {
    for (const connection of this.#connections) connection.sweep(now);
    this.#progress?.look(now, { connections: this.#connections.size, requests: this.#pools.held });
  }

  /** No new clients; what is here is finished. */
  #drain(): void {
    if (this.drainingSinceMs !== undefined) return;
    this.drainingSinceMs = monotonicMs();
    this.#progress = new DrainProgress(this.drainingSinceMs, (text) => this.#logs.write("info", text));
    this.#pools.drain();
    this.#admission.stop(() => this.#sayDrained());
    everyTurnAfter(DRAIN_SWEEP_MS, () => this.#sweepConnections(monotonicMs()));
  }

  /** Asks the nursery to have this process scheduled for throughput or for promptness: Node cannot. */
  #chooseScheduling(): void {
    const bulk = this.#pools.judgeLoad(this.#load);
    if (bulk === this.#bulk || !process.connected) return;
    this.#bulk = bulk;
    // With a callback, a channel that ends meanwhile is no error.
    process.send?.({ ev: "scheduling", bulk }, undefined, {}, () => {});
  }

  /** Drained: no client is left, so nothing can be lost any more. */
  #sayDrained(): void {
    if (!this.#admission.closed || this.#drainedSaid || this.#connections.size > 0) return;
    this.#drainedSaid = true;
    this.#giveAway();
    this.#control.send({ ev: "drained" });
  }
}

function tlsTermsOf(settings: Settings, tls: TlsMaterial | undefined): TlsTerms | undefined {
  return tls === undefined ? undefined : new TlsTerms(tls, withoutEndAtZero(settings.handshake_timeout), protocolsByTls(settings));
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::" || host === "";
}
