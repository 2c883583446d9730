/** The gateway once it is configured: clients, logs and the worker pools put together, as the arbiter and the nursery tell it. */

import { tmpdir } from "node:os";
import { EntryIds } from "../dispatch/entry-ids.ts";
import type { RequestStream } from "../request/exchange.ts";
import type { Settings } from "../settings/table.ts";
import { ENTRY_COUNT } from "../wire/frame-types.ts";
import type { TlsMaterial } from "../wire/tls-material.ts";
import { AdminPrefix } from "./admin-prefix.ts";
import { Admission } from "./admission.ts";
import { ApplicationSocket } from "./application-socket.ts";
import { clientTerms } from "./client-terms.ts";
import { Clients } from "./clients.ts";
import { everyTurnAfter, monotonicMs } from "./clock.ts";
import type { ControlChannel, GatewayCommand } from "./control-channel.ts";
import { CounterReports, type GaugesNow } from "./counter-reports.ts";
import { openFileCount } from "./descriptors.ts";
import { DrainProgress } from "./drain-progress.ts";
import { GatewayLogs } from "./gateway-logs.ts";
import { reportOf } from "./holdings.ts";
import { dropPrivileges } from "./identity.ts";
import { mountPoint, poolLimits, spoolBudgets } from "./limits-from-settings.ts";
import type { ListenerAddress } from "./listeners.ts";
import { LoadCharacter } from "./load-character.ts";
import type { PoolLimits } from "./pool-limits.ts";
import { pullServing, pushServing } from "./serving.ts";
import { SpoolWarning } from "./spool-warning.ts";
import { TicketPort } from "./ticket-port.ts";
import { WorkerPool } from "./worker-pool.ts";
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
/** The Date header has seconds. */
const DATE_MS = 1000;

export class ConfiguredGateway {
  readonly #control: ControlChannel;
  readonly #pools: WorkerPools;
  readonly #entryIds = new EntryIds(ENTRY_COUNT);
  readonly #admission: Admission;
  readonly #clients: Clients;
  /** Of the workers that the settings ask for. */
  #way: Way;
  #poolLimits: PoolLimits;
  readonly #logs: GatewayLogs;
  readonly #counters: CounterReports;
  readonly #adminPrefix: AdminPrefix;
  readonly #budgets = spoolBudgets();
  readonly #spoolWarning = new SpoolWarning(monotonicMs, (text) => this.#logs.warn(text));
  #progress: DrainProgress | undefined;
  #upSaid = false;
  #drainedSaid = false;
  readonly #load = new LoadCharacter(monotonicMs());
  #bulk = false;

  constructor(descriptors: GatewayDescriptors, control: ControlChannel, settings: Settings, tls: TlsMaterial | undefined) {
    this.#control = control;
    this.#adminPrefix = new AdminPrefix((id, name) => control.send({ ev: "page", id, name }));
    this.#way = wayOf(settings) ?? "pull";
    const terms = clientTerms(settings, tls, this.#way);
    const scriptName = mountPoint(settings, process.env);
    this.#logs = new GatewayLogs(settings, scriptName, process);
    this.#clients = new Clients(terms, this.#logs, {
      handle: this.#handle,
      isCrowded: () => this.#admission.crowded,
      left: () => this.#onClientGone(),
    });
    this.#adminPrefix.change(settings.admin_prefix);
    this.#poolLimits = this.#poolLimitsOf(settings, scriptName);
    const port = new TicketPort(descriptors.ticketFd, descriptors.slotsFd, () => this.#pools.flush());
    this.#pools = new WorkerPools(this.#way, (way) => this.#makePool(way, port, descriptors.slotsFd));
    this.#admission = new Admission(settings, {
      onConnection: (socket, address) => {
        this.#clients.accept(socket, address);
        this.#judgeLoad();
      },
      onListening: () => this.sayUp(),
      // TLS reads by itself.
      readsThroughSharedBuffer: () => !this.#clients.speakTls,
      resume: () => control.send({ ev: "resume" }),
      warn: (text) => this.#logs.warn(text),
    });
    this.#becomeUser(settings);
    this.#counters = new CounterReports(
      this.#clients.traffic,
      () => this.#gauges(),
      (counters) => control.send({ ev: "counters", ...counters }),
      { periodMs: SWEEP_MS, nowMs: monotonicMs() },
    );
    everyTurnAfter(SWEEP_MS, () => this.#sweep());
    setInterval(() => this.#clients.tellTime(), DATE_MS);
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
      waited: (durationMs) => this.#clients.traffic.waited(durationMs),
      warn: (text) => this.#logs.warn(text),
      limitReached: (limit, limitMs, remoteAddress) => this.#logs.limitReached(limit, limitMs, remoteAddress),
      fault: (error) => this.#logs.fault(error),
      unclaimed: (completion) => this.#logs.unclaimed(completion),
    });
  }

  #poolLimitsOf(settings: Settings, scriptName: string): PoolLimits {
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
    // Direct workers need no gateway: it goes on as it is until it is told to go.
    this.#way = wayOf(settings) ?? this.#way;
    this.#clients.change(clientTerms(settings, tls, this.#way));
    const scriptName = mountPoint(settings, process.env);
    this.#logs.change(settings, scriptName);
    this.#adminPrefix.change(settings.admin_prefix);
    this.#poolLimits = this.#poolLimitsOf(settings, scriptName);
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
        this.#clients.updateTls(command.tls);
        return;
      case "part":
        this.#clients.parting = true;
        return;
      case "drain":
        this.#drain();
        return;
      case "quit":
        this.#clients.abandon();
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
        this.#control.send({ ev: "report", ask: command.ask, ...reportOf(this.#pools, this.#clients.size, this.#admission.accepted) });
        return;
    }
  }

  readonly #handle = (stream: RequestStream): void => {
    if (this.#adminPrefix.takes(stream)) return;
    this.#pools.handle(stream);
    if (this.#pools.queued > 0) this.#judgeLoad();
  };

  #onClientGone(): void {
    this.#judgeLoad();
    this.#sayDrained();
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

  /** Never goes on with more rights than it should have. */
  #becomeUser(settings: Settings): void {
    try {
      dropPrivileges(settings);
    } catch (error) {
      this.#logs.write("error", `gateway cannot become user=${settings.user} group=${settings.group}: ${(error as Error).message}`);
      process.exit(1);
    }
  }

  /** Configured, and all listeners taken, or none to be had yet. */
  sayUp(): void {
    if (this.#upSaid) return;
    this.#upSaid = true;
    this.#control.send({ ev: "up", pid: process.pid });
  }

  #judgeLoad(): void {
    const files = openFileCount() + this.#pools.workers;
    this.#admission.judge({ connections: this.#clients.size, files, queued: this.#pools.queued });
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
    return { connections: this.#clients.size, inFlight: held, queued, workerLagsMs };
  }

  #sweepConnections(now: number): void {
    this.#clients.sweep(now);
    this.#progress?.look(now, { connections: this.#clients.size, requests: this.#pools.held });
  }

  /** No new clients; what is here is finished. */
  #drain(): void {
    if (this.#clients.drainingSinceMs !== undefined) return;
    const now = monotonicMs();
    this.#clients.drainingSinceMs = now;
    this.#progress = new DrainProgress(now, (text) => this.#logs.write("info", text));
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
    if (!this.#admission.closed || this.#drainedSaid || this.#clients.size > 0) return;
    this.#drainedSaid = true;
    this.#giveAway();
    this.#control.send({ ev: "drained" });
  }
}
