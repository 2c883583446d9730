/** The hands of the arbiter: they feed the mind with what happens and carry out what it commands. No decision is made here. */

import { rmSync, statSync } from "node:fs";
import type { Command } from "../lifecycle/command.ts";
import { nextWakeMs } from "../lifecycle/deadlines.ts";
import type { ArbiterEvent, MasterSignal } from "../lifecycle/event.ts";
import type { ListenAddress, LogLevel, NurseryEvent } from "../lifecycle/messages.ts";
import { type ArbiterState, createState, type Plan } from "../lifecycle/state.ts";
import { step } from "../lifecycle/step.ts";
import { sharesSockets } from "../lifecycle/succession.ts";
import { writeFully } from "../telemetry/error-log.ts";
import type { TlsMaterial } from "../wire/tls-material.ts";
import type { AdminPort } from "./admin-port.ts";
import { Control } from "./control.ts";
import { type EffectiveSettings, withLogLevel } from "./effective-settings.ts";
import { FileWatcher, type ReloadEngine } from "./file-watcher.ts";
import { GatewayLinks } from "./gateway-links.ts";
import type { InheritedSockets } from "./inherited-sockets.ts";
import { closeHandle, KeptHandles } from "./kept-handles.ts";
import { MasterMetrics } from "./master-metrics.ts";
import { Monitor } from "./monitor.ts";
import type { NurseryHappening, NurseryProcess } from "./nursery-process.ts";
import { NurseryWatch } from "./nursery-watch.ts";
import type { Outward } from "./outward.ts";
import { fromAnywhere } from "./python-finder.ts";
import { eventName, nurseryEvent } from "./received.ts";
import type { ServiceNotifier } from "./service-notifier.ts";
import type { ReadAgain } from "./settings-reader.ts";
import type { SuccessorEnd } from "./successor.ts";
import { WorkerStacks } from "./worker-stacks.ts";

const STDERR = 2;
/** A master whose predecessor has ended is promoted within a second, as Gunicorn's, which looks once a second. */
const PREDECESSOR_LOOK_MS = 250;

export interface ArbiterOptions {
  /** The settings of the start. */
  readonly settings: EffectiveSettings;
  /** Reads them again. */
  readonly readSettings: (current: EffectiveSettings, nursery: NurseryProcess) => Promise<ReadAgain>;
  /** The first nursery, started before anything else. */
  readonly nursery: NurseryProcess;
  readonly startNursery: () => NurseryProcess;
  /** The contract's `gateway`. */
  readonly gatewayMessage: object;
  readonly outward: Pick<Outward, "log" | "apply" | "reopenLogs" | "removePidFile" | "promote">;
  readonly admin: Pick<AdminPort, "serve" | "change" | "promote" | "end">;
  /** Listening sockets that came with the start. */
  readonly inherited: InheritedSockets;
  /** Files of inherited unix sockets are this server's own: the master before this one has made them. */
  readonly ownsInherited: boolean;
  readonly notifier: Pick<ServiceNotifier, "tell">;
  /** Starts a new master on these descriptors. @returns its pid. */
  readonly startSuccessor: (listeners: readonly number[], onEnd: (end: SuccessorEnd) => void) => number | undefined;
  readonly exit: (code: number) => void;
}

type Unstamped = ArbiterEvent extends infer Event ? (Event extends { readonly nowMs: number } ? Omit<Event, "nowMs"> : never) : never;

/** A unix socket that this server made, to be removed at its end. */
interface MadeSocket {
  readonly path: string;
  readonly inode: number;
}

export class Arbiter {
  readonly #options: ArbiterOptions;
  readonly #state: ArbiterState;
  readonly #kept = new KeptHandles();
  readonly #watch = new NurseryWatch(
    () => this.#nursery.send({ cmd: "ping" }),
    (silentMs) => this.#feed({ type: "nursery-silent", silentMs }),
  );
  readonly #stacks = new WorkerStacks((message) => this.#nursery.send(message));
  readonly #monitor = new Monitor(() => {
    const { pid, isGone } = this.#nursery;
    return { state: this.#state, nurseryPid: isGone ? undefined : pid, nowMs: performance.now() };
  });
  readonly #metrics = new MasterMetrics((message) => this.#nursery.send(message));
  #nursery: NurseryProcess;
  readonly #gateways = new GatewayLinks({
    said: (gateway, said) => this.#feed({ type: "gateway-said", gateway, said }),
    closed: (pid) => this.#feed({ type: "gateway-closed", pid }),
    reported: (report) => this.#control.onReport(report),
    monitor: this.#monitor,
  });
  #settings: EffectiveSettings;
  /** What stands behind the mind's plans. */
  readonly #settingsOf = new WeakMap<Plan, EffectiveSettings>();
  #madeSockets: MadeSocket[] = [];
  #successorPid: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #control: Control;
  /** With `reload`. */
  #sources: { readonly engine: ReloadEngine; readonly watcher: FileWatcher } | undefined;

  constructor(options: ArbiterOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#watchFiles(options.settings);
    this.#settingsOf.set(options.settings.plan, options.settings);
    this.#state = createState(options.settings.plan, performance.now());
    this.#nursery = options.nursery;
    this.#control = this.#makeControl();
    this.#metrics.change(options.settings.resolved.settings);
    options.outward.log.onLine = (level) => this.#metrics.line(level);
  }

  #makeControl(): Control {
    const { log } = this.#options.outward;
    return new Control({
      log,
      state: this.#state,
      version: this.#state.plan.version,
      pid: this.#state.plan.pid,
      resolved: () => this.#settings.resolved,
      gateways: () => this.#gateways.all,
      listenerDescriptors: () => this.#kept.listenerDescriptors(),
      now: () => performance.now(),
      signal: (name) => this.onSignal(name),
      order: (order) => this.#feed({ type: "ordered", order }),
      drain: () => this.#feed({ type: "drain" }),
      setLogLevel: (level) => this.#setLogLevel(level),
      askStacks: (worker) => this.askStacks(worker),
      durations: () => this.#monitor.durations,
      pythonHalf: () => this.#nursery.program,
    });
  }

  /** The settings of now, but for that; a reload brings back what they say. */
  #setLogLevel(level: LogLevel): void {
    const { plan } = this.#state;
    this.#settingsOf.set(plan, withLogLevel(this.#settings, level));
    this.#applySettings(plan);
    this.#nursery.send({ cmd: "log-level", level });
  }

  get nursery(): NurseryProcess {
    return this.#nursery;
  }

  /** Begins to serve. */
  start(): void {
    this.#options.admin.serve((name) => this.#monitor.page(name));
    this.#feed({ type: "begin" });
    this.#listenTo(this.#nursery);
    this.#watchPredecessor(this.#options.settings.plan.predecessor);
  }

  /** It is our parent; whoever adopts us after it has another pid. */
  #watchPredecessor(pid: number | undefined): void {
    if (pid === undefined) return;
    const timer = setInterval(() => {
      if (process.ppid === pid) return;
      clearInterval(timer);
      this.#feed({ type: "predecessor-gone" });
    }, PREDECESSOR_LOOK_MS);
  }

  /** @returns where a living worker is, or why that cannot be said; see WorkerStacks. */
  askStacks(worker: number): Promise<string> {
    return this.#stacks.ask(worker);
  }

  onSignal(name: MasterSignal): void {
    this.#feed({ type: "signal", name });
  }

  /** Certificates always, sources with `reload`. */
  #watchFiles({ certificates, resolved }: EffectiveSettings): void {
    const { log } = this.#options.outward;
    certificates?.watch(log, (tls: TlsMaterial) => this.#gateways.tellAll({ cmd: "tls", tls }));
    const { reload, reload_engine } = resolved.settings;
    const engine = reload === true ? (reload_engine ?? "auto") : undefined;
    if (engine === this.#sources?.engine) return;
    this.#sources?.watcher.close();
    this.#sources = engine && { engine, watcher: this.#watchSources(engine) };
  }

  #watchSources(engine: ReloadEngine): FileWatcher {
    const onChange = (path: string) => this.#feed({ type: "source-changed", path });
    return new FileWatcher(engine, onChange, (text) => this.#options.outward.log.write("warning", text));
  }

  /** The contract's `configure`, as it is now. */
  #configureMessage(): object {
    const { resolved, certificates } = this.#settings;
    const { python, program, directory } = this.#nursery.program;
    const half = [fromAnywhere(python, directory), program];
    return { cmd: "configure", settings: resolved.settings, tls: certificates?.material, python: half };
  }

  #listenTo(nursery: NurseryProcess): void {
    this.#watch.begin();
    nursery.listen((happening) => this.#onNursery(happening));
  }

  #onNursery(happening: NurseryHappening): void {
    if (happening.what === "exit") {
      const { status, cause } = happening;
      this.#kept.dropComing();
      this.#feed(cause === undefined ? { type: "nursery-exited", status } : { type: "nursery-exited", status, cause });
      return;
    }
    if (eventName(happening.message) === "pong") {
      this.#watch.answered();
      return;
    }
    if (this.#stacks.hear(happening.message)) return;
    const said = nurseryEvent(happening.message);
    if (said === undefined) {
      closeHandle(happening.handle);
      return;
    }
    this.#keep(said, happening.handle);
    if (said.ev === "sources") {
      this.#sources?.watcher.add(said.files);
      return;
    }
    this.#feed({ type: "nursery-said", said });
  }

  /** Takes the handle that came with an event. */
  #keep(said: NurseryEvent, handle: unknown): void {
    switch (said.ev) {
      case "listening":
        this.#kept.addListener(said, handle);
        break;
      case "bound":
        this.#options.inherited.close();
        break;
      case "parked":
        this.#kept.keepParked(said.gateway, handle);
        break;
      case "gateway-channel":
        this.#kept.keepGatewayChannel(said.gateway, said.pid, handle);
        break;
      case "gateway":
        this.#gateways.connect(said.gateway, said.pid, handle);
        break;
      default:
        closeHandle(handle);
    }
  }

  /** Unix sockets that nobody listens on any more are removed; while another master shares them, that is its affair. */
  #noteMadeSockets(asked: readonly ListenAddress[]): void {
    const before = this.#madeSockets;
    this.#madeSockets = asked.flatMap((address) => {
      const path = this.#madePath(address);
      const inode = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false })?.ino;
      return path !== undefined && inode !== undefined ? [{ path, inode }] : [];
    });
    if (sharesSockets(this.#state)) return;
    for (const made of before) if (!this.#madeSockets.some(({ path }) => path === made.path)) removeSocket(made);
  }

  /** An inherited socket's file is somebody else's, unless it was the master's before this one. */
  #madePath(asked: ListenAddress): string | undefined {
    // An abstract name, which begins with a zero, is no file.
    if (asked.kind === "unix") return asked.path.startsWith("\0") ? undefined : asked.path;
    return asked.kind === "fd" && this.#options.ownsInherited ? this.#kept.fileOfListener(asked.index) : undefined;
  }

  async #readSettings(reading: number): Promise<void> {
    const again = await this.#options.readSettings(this.#settings, this.#nursery);
    if (again.status === "ok") this.#settingsOf.set(again.effective.plan, again.effective);
    const outcome = again.status === "ok" ? { ...again, plan: again.effective.plan } : again;
    this.#feed({ type: "settings-read", reading, outcome });
  }

  #applySettings(plan: Plan): void {
    const settings = this.#settingsOf.get(plan);
    if (settings === undefined) throw new Error("the mind applies a plan that it was never given");
    this.#settings.certificates?.stopWatching();
    this.#settings = settings;
    this.#options.outward.apply(settings.resolved);
    void this.#options.admin.change(settings.resolved.settings);
    this.#metrics.change(settings.resolved.settings);
    this.#watchFiles(settings);
    const { fallback } = this.#state;
    const before = fallback && this.#settingsOf.get(fallback.plan);
    this.#nursery.send({ ...settings.settingsMessage, keep: before === undefined ? [] : [before.run] });
    this.#gateways.tellAll(this.#configureMessage());
  }

  #feed(event: Unstamped): void {
    const nowMs = performance.now();
    const stamped = { ...event, nowMs };
    const commands = step(this.#state, stamped);
    for (const command of commands) this.#carryOut(command);
    this.#control.follow(stamped, commands);
    this.#schedule(nowMs);
  }

  /** @param steppedMs  The moment the mind has just acted upon. Not the time of now: what fell due in between would be forgotten. */
  #schedule(steppedMs: number): void {
    clearTimeout(this.#timer);
    const wakeMs = nextWakeMs(this.#state, steppedMs);
    if (wakeMs === undefined) return;
    this.#timer = setTimeout(() => this.#feed({ type: "tick" }), Math.max(0, Math.ceil(wakeMs - performance.now())));
  }

  #carryOut(command: Command): void {
    const { outward } = this.#options;
    switch (command.do) {
      case "log":
        outward.log.write(command.level, command.text, command.pid);
        if (command.gauge !== undefined) this.#metrics.gauge(command.gauge.name, command.gauge.value);
        break;
      case "log-stacks":
        void this.#stacks.ask(command.worker, command.request).then((stacks) => outward.log.write("warning", `${command.text}\n${stacks}`));
        break;
      case "print-error":
        writeFully(STDERR, command.text);
        break;
      case "start-nursery":
        this.#nursery = this.#options.startNursery();
        this.#listenTo(this.#nursery);
        break;
      case "run-config":
        if (this.#settings.configMessage !== undefined) this.#nursery.send(this.#settings.configMessage);
        break;
      case "send-settings":
        this.#nursery.send(this.#settings.settingsMessage);
        for (const [message, handle] of this.#options.inherited.messages()) this.#nursery.send(message, handle);
        break;
      case "read-settings":
        void this.#readSettings(command.reading);
        break;
      case "apply-settings":
        this.#applySettings(command.plan);
        break;
      case "hand-over":
        for (const [message, handle] of this.#kept.adoptions(command.gateways)) this.#nursery.send(message, handle);
        break;
      case "tell-nursery":
        this.#nursery.send(command.message);
        break;
      case "kill-nursery":
        this.#nursery.kill();
        break;
      case "start-gateway":
        this.#nursery.send({ ...this.#options.gatewayMessage, gateway: command.gateway, hold: command.hold });
        break;
      case "configure-gateway":
        this.#gateways.tell(command.gateway, { ...this.#configureMessage(), hold: command.hold });
        break;
      case "tell-gateway":
        this.#gateways.tell(command.gateway, command.message);
        break;
      case "tell-gateways":
        this.#gateways.tellAll(command.message);
        break;
      case "drop-gateway":
        this.#gateways.drop(command.gateway);
        this.#kept.closeGateway(command.gateway);
        break;
      case "kill-process":
        killProcess(command.pid);
        break;
      case "close-listeners":
        this.#kept.closeListeners();
        break;
      case "keep-listeners":
        this.#kept.keepListeners(command.asked);
        this.#noteMadeSockets(command.asked);
        break;
      case "reopen-logs":
        outward.reopenLogs();
        break;
      case "start-successor":
        this.#startSuccessor();
        break;
      case "promote":
        outward.promote();
        this.#options.admin.promote();
        break;
      case "tell-service-manager":
        this.#options.notifier.tell(command.note, this.#successorPid);
        break;
      case "exit":
        this.#end(command.code, command.keepSockets);
        break;
    }
  }

  #startSuccessor(): void {
    // Behind the plan's own are those that a reload is about to close.
    const listeners = this.#kept.listenerDescriptors().slice(0, this.#state.plan.addresses.length);
    const pid = this.#options.startSuccessor(listeners, (end) => {
      this.#successorPid = undefined;
      this.#feed({ type: "successor-exited", pid, ...end });
    });
    this.#successorPid = pid;
  }

  /** Takes away what the server made in the file system. */
  #end(code: number, keepSockets: boolean): void {
    clearTimeout(this.#timer);
    this.#watch.end();
    this.#control.close();
    for (const made of keepSockets ? [] : this.#madeSockets) removeSocket(made);
    this.#options.outward.removePidFile();
    this.#options.admin.end(keepSockets, () => this.#options.exit(code));
  }
}

function removeSocket({ path, inode }: MadeSocket): void {
  if (statSync(path, { throwIfNoEntry: false })?.ino === inode) rmSync(path, { force: true });
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has gone meanwhile.
  }
}
