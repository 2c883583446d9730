/** The hands of the arbiter: they feed the mind with what happens and carry out what it commands. No decision is made here. */

import { rmSync, statSync } from "node:fs";
import type { Command } from "../lifecycle/command.ts";
import { nextWakeMs } from "../lifecycle/deadlines.ts";
import type { ArbiterEvent, MasterSignal } from "../lifecycle/event.ts";
import type { NurseryEvent } from "../lifecycle/messages.ts";
import { type ArbiterState, createState, type Plan } from "../lifecycle/state.ts";
import { step } from "../lifecycle/step.ts";
import { writeFully } from "../telemetry/error-log.ts";
import type { TlsMaterial } from "../wire/tls-material.ts";
import { FileWatcher, type ReloadEngine } from "./file-watcher.ts";
import { GatewayLink } from "./gateway-link.ts";
import { closeHandle, KeptHandles } from "./kept-handles.ts";
import type { MasterLogs } from "./log-files.ts";
import type { NurseryHappening, NurseryProcess } from "./nursery-process.ts";
import type { PidFile } from "./pid-file.ts";
import { gatewayEvent, nurseryEvent } from "./received.ts";

const STDERR = 2;

export interface ArbiterOptions {
  readonly plan: Plan;
  /** The first nursery, started before anything else. */
  readonly nursery: NurseryProcess;
  readonly startNursery: () => NurseryProcess;
  /** The contract's `run-config`, sent to every nursery but the first; undefined when there is no configuration. */
  readonly configMessage: object | undefined;
  /** The contract's `settings`, sent to every nursery. */
  readonly settingsMessage: object;
  /** The contract's `gateway`. */
  readonly gatewayMessage: object;
  /** The contract's `configure`, as it is now. */
  readonly configureMessage: () => object;
  readonly logs: MasterLogs;
  readonly pidFile: PidFile | undefined;
  /** Undefined without `reload`. */
  readonly reloadEngine: ReloadEngine | undefined;
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
  #nursery: NurseryProcess;
  #gateway: GatewayLink | undefined;
  #madeSockets: MadeSocket[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #sources: FileWatcher | undefined;

  constructor(options: ArbiterOptions) {
    const { reloadEngine, logs } = options;
    if (reloadEngine !== undefined) {
      this.#sources = new FileWatcher(
        reloadEngine,
        (path) => this.#feed({ type: "source-changed", path }),
        (text) => logs.log.write("warning", text),
      );
    }
    this.#options = options;
    this.#state = createState(options.plan, performance.now());
    this.#nursery = options.nursery;
  }

  /** Begins to serve. */
  start(): void {
    this.#feed({ type: "begin" });
    this.#listenTo(this.#nursery);
  }

  onSignal(name: MasterSignal): void {
    this.#feed({ type: "signal", name });
  }

  /** Certificates have been read again. */
  onCertificates(tls: TlsMaterial): void {
    this.#gateway?.send({ cmd: "tls", tls });
  }

  #listenTo(nursery: NurseryProcess): void {
    nursery.listen((happening) => this.#onNursery(happening));
  }

  #onNursery(happening: NurseryHappening): void {
    if (happening.what === "exit") {
      const { status, cause } = happening;
      this.#feed(cause === undefined ? { type: "nursery-exited", status } : { type: "nursery-exited", status, cause });
      return;
    }
    const said = nurseryEvent(happening.message);
    if (said === undefined) {
      closeHandle(happening.handle);
      return;
    }
    this.#keep(said, happening.handle);
    if (said.ev === "sources") {
      this.#sources?.add(said.files);
      return;
    }
    this.#feed({ type: "nursery-said", said });
  }

  /** Takes the handle that came with an event. */
  #keep(said: NurseryEvent, handle: unknown): void {
    switch (said.ev) {
      case "listening":
        this.#kept.keepListener(said, handle);
        if (said.kind === "unix") this.#noteMadeSocket(said);
        break;
      case "parked":
        this.#kept.keepParked(handle);
        break;
      case "gateway-channel":
        this.#kept.keepGatewayChannel(said.pid, handle);
        break;
      case "gateway":
        this.#gateway?.close();
        this.#gateway = this.#connectGateway(handle, said.pid);
        break;
      default:
        closeHandle(handle);
    }
  }

  #connectGateway(handle: unknown, pid: number): GatewayLink {
    const onMessage = (message: unknown): void => {
      const said = gatewayEvent(message);
      if (said !== undefined) this.#feed({ type: "gateway-said", said });
    };
    return new GatewayLink(handle, pid, onMessage, () => this.#feed({ type: "gateway-closed", pid }));
  }

  /** An inherited socket's file is somebody else's. */
  #noteMadeSocket(said: { readonly index: number; readonly path: string }): void {
    const asked = this.#options.plan.addresses.find((address) => address.index === said.index);
    const inode = statSync(said.path, { throwIfNoEntry: false })?.ino;
    if (asked?.kind === "unix" && inode !== undefined) this.#madeSockets.push({ path: said.path, inode });
  }

  #feed(event: Unstamped): void {
    const nowMs = performance.now();
    for (const command of step(this.#state, { ...event, nowMs })) this.#carryOut(command);
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
    const { logs } = this.#options;
    switch (command.do) {
      case "log":
        logs.log.write(command.level, command.text, command.pid);
        break;
      case "print-error":
        writeFully(STDERR, command.text);
        break;
      case "start-nursery":
        this.#nursery = this.#options.startNursery();
        this.#listenTo(this.#nursery);
        break;
      case "run-config":
        if (this.#options.configMessage !== undefined) this.#nursery.send(this.#options.configMessage);
        break;
      case "send-settings":
        this.#nursery.send(this.#options.settingsMessage);
        break;
      case "hand-over":
        for (const [message, handle] of this.#kept.adoptions(command.gateway)) this.#nursery.send(message, handle);
        break;
      case "tell-nursery":
        this.#nursery.send(command.message);
        break;
      case "kill-nursery":
        this.#nursery.kill();
        break;
      case "start-gateway":
        this.#nursery.send(this.#options.gatewayMessage);
        break;
      case "configure-gateway":
        this.#gateway?.send(this.#options.configureMessage());
        break;
      case "tell-gateway":
        this.#gateway?.send(command.message);
        break;
      case "drop-gateway":
        this.#gateway?.close();
        this.#gateway = undefined;
        this.#kept.closeGateway();
        break;
      case "kill-process":
        killProcess(command.pid);
        break;
      case "close-listeners":
        this.#kept.closeListeners();
        break;
      case "reopen-logs":
        logs.reopen();
        break;
      case "exit":
        this.#end(command.code);
        break;
    }
  }

  /** Takes away what the server made in the file system. */
  #end(code: number): void {
    clearTimeout(this.#timer);
    for (const { path, inode } of this.#madeSockets) {
      if (statSync(path, { throwIfNoEntry: false })?.ino === inode) rmSync(path, { force: true });
    }
    this.#options.pidFile?.remove();
    this.#options.exit(code);
  }
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has gone meanwhile.
  }
}
