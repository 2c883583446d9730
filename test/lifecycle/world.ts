/** A world for the mind to live in: processes as plain data, which obey its commands when the test lets them. Tests only. */

import assert from "node:assert/strict";
import type { Command } from "../../src/lifecycle/command.ts";
import { nextWakeMs } from "../../src/lifecycle/deadlines.ts";
import type { ArbiterEvent, MasterSignal, Reading } from "../../src/lifecycle/event.ts";
import type { ExitStatus, GatewayCommand, ListenAddress, NurseryCommand, NurseryEvent } from "../../src/lifecycle/messages.ts";
import { type ArbiterState, createState, isReady, isStaying, type Plan, staffMax, type Worker } from "../../src/lifecycle/state.ts";
import { step } from "../../src/lifecycle/step.ts";

export const PLAN: Plan = {
  pid: 100,
  version: "0.1.0",
  python: "/venv/bin/python",
  workers: 2,
  gateways: 1,
  surge: 1,
  timeoutMs: 30_000,
  gracefulTimeoutMs: 30_000,
  drainDelayMs: 0,
  bootTimeoutMs: 300_000,
  maxAgeMs: 0,
  maxAgeJitterMs: 0,
  preload: false,
  warmImports: false,
  addresses: [{ index: 0, kind: "tcp", host: "127.0.0.1", port: 8000 }],
  backlog: 2048,
  tls: false,
  workerClass: "sync",
  direct: false,
  daemon: false,
  logsInPython: false,
  gatewayUnderWay: false,
  hasConfig: false,
  hooks: [],
  predecessor: undefined,
  containerEndsWithUs: false,
};

interface SimulatedWorker {
  readonly number: number;
  readonly pid: number;
  readonly nurseryPid: number;
  loaded: boolean;
  /** In an import or a request that never ends: it sees neither commands nor the end of its lifeline, and has no time for SIGABRT. */
  busy: boolean;
  /** Pids of the gateways that have its channel, by their index. */
  readonly linkedTo: Map<number, number>;
  leaving: boolean;
  /** It accepts clients by itself. */
  readonly direct: boolean;
}

interface SimulatedGateway {
  readonly index: number;
  pid: number | undefined;
  /** It has the listeners. */
  listens: boolean;
  configured: boolean;
  readonly orders: GatewayCommand[];
}

type NurseryOrder =
  | NurseryCommand
  | { readonly cmd: "hello" | "run-config" }
  | { readonly cmd: "gateway"; readonly gateway: number; readonly hold: boolean };
type Unstamped = ArbiterEvent extends infer E ? (E extends { nowMs: number } ? Omit<E, "nowMs"> : never) : never;

/** After 0, 0.1, 0.3 and 0.7 s, and one more for a predecessor that had lived well. */
const STARTS_PER_SECOND_MAX = 5;

/** What makes a worker leave that has done nothing wrong. */
const LEAVE: ReadonlySet<string> = new Set(["stop", "stop-worker", "dismiss", "quit"]);

/** Workers of a world that boot badly end like this. */
export type BootResult = "ok" | "hangs" | ExitStatus;

export class World {
  readonly state: ArbiterState;
  readonly plan: Plan;
  nowMs = 0;
  /** Of the mind, so far. */
  steps = 0;
  bootResult: BootResult = "ok";
  configResult: "ok" | "failed" | "dies" = "ok";
  /** Gateways die when they are configured. */
  gatewayBreaks = false;
  /** Molds begin to import and never end. */
  moldsHang = false;
  /** How the process of `pre_exec` ends. */
  preExecStatus: ExitStatus = { code: 0 };
  bindError: string | undefined;
  /** What the next reading of the settings finds different from `plan`; or that they cannot be used. */
  found: Partial<Plan> | "broken" = {};
  /** The plan whose settings everybody has. */
  applied: Plan;
  /** What the nursery listens on. */
  listening: readonly ListenAddress[] = [];
  readonly gateways: readonly SimulatedGateway[];
  readonly #readings: number[] = [];
  nurseryPid: number | undefined = 1000;
  exitCode: number | undefined;
  readonly lines: string[] = [];
  readonly workers = new Map<number, SimulatedWorker>();
  /** Every command so far. */
  readonly commands: Command[] = [];
  /** Workers that a hanging mold was asked for, by generation; true: to be killed when it is born. */
  readonly #unborn = new Map<number, Map<number, boolean>>();
  readonly #orders: NurseryOrder[] = [{ cmd: "hello" }];
  readonly #adopted = new Map<number, number>();
  /** Consequences of commands that the mind hears of later. */
  readonly #pending: (() => unknown)[] = [];
  readonly #starts = new StartRate();
  #lastPid = 1000;

  constructor(plan: Partial<Plan> = {}) {
    this.plan = { ...PLAN, bootTimeoutMs: 10 * (plan.timeoutMs ?? PLAN.timeoutMs), ...plan };
    this.applied = this.plan;
    this.gateways = Array.from({ length: this.plan.gateways }, (_, index) => {
      return { index, pid: undefined, listens: false, configured: false, orders: [] };
    });
    this.state = createState(this.plan, 0);
    this.feed({ type: "begin" });
  }

  /** Of the first one, which is the only one in most tests. */
  get gatewayPid(): number | undefined {
    return this.gateways[0]?.pid;
  }

  get gatewayListens(): boolean {
    return this.gateways.every(({ listens }) => listens);
  }

  /** One event to the mind; its commands are carried out, and what must always hold is checked. */
  feed(event: Unstamped): Command[] {
    const stamped = { ...event, nowMs: this.nowMs } as ArbiterEvent;
    const { phase } = this.state;
    const wereReady = [...this.state.workers.values()].filter(isReady);
    this.steps += 1;
    const commands = step(this.state, stamped);
    this.commands.push(...commands);
    for (const command of commands) {
      assert.equal(this.exitCode, undefined, `a command after the exit: ${JSON.stringify(command)}`);
      if (phase.at === "stopping") assertEndsOnly(command);
      this.#carryOut(command);
    }
    if (phase.at === "exited") assert.deepEqual(commands, []);
    this.#checkNumbers(commands, wereReady);
    for (const happen of this.#pending.splice(0)) if (this.exitCode === undefined) happen();
    return commands;
  }

  /** @param wereReady  The workers that served before this step. */
  #checkNumbers(commands: readonly Command[], wereReady: readonly Worker[]): void {
    const { state } = this;
    if (state.phase.at !== "serving" || state.nursery.at !== "up") return;
    const all = [...state.workers.values()];
    const staying = all.filter(isStaying).length;
    assert.ok(staying <= staffMax(state), `${staying} workers for a target of ${state.target}`);
    const toldToLeave = commands.flatMap((command) =>
      "message" in command && "worker" in command.message && LEAVE.has(command.message.cmd) ? [command.message.worker] : [],
    );
    const servedUntilNow = wereReady.some(({ number }) => toldToLeave.includes(number) && state.workers.get(number)?.linked);
    if (servedUntilNow && state.plan.surge > 0 && state.target > 0) assert.ok(all.some(isReady), "the last ready worker was told to leave");
  }

  /** Every living worker is known, or on its way out; every known one exists or is still to be forked. */
  checkAccounts(): void {
    const { phase } = this.state;
    if (phase.at === "exited" || (phase.at === "stopping" && phase.forced)) return; // what is left, the lifeline ends
    for (const worker of this.workers.values()) {
      const known = this.state.workers.has(worker.number) || worker.leaving;
      assert.ok(known || this.nurseryPid !== worker.nurseryPid, `worker ${worker.number} is forgotten`);
    }
    for (const { number, pid, orphan } of this.state.workers.values()) {
      const there = pid === undefined || orphan || this.workers.get(number)?.pid === pid;
      assert.ok(there, `worker ${number} with pid ${pid} is not there`);
    }
  }

  /** At the exit: gateways and workers that are not busy see the end of their sockets, all others have been killed. A nursery that is killed takes no part. */
  #checkNothingStays(): void {
    for (const happen of this.#pending.splice(0)) happen();
    const left = [...this.workers.values()].filter(({ busy }) => busy);
    assert.deepEqual(left, [], "busy workers are left behind");
  }

  signal(name: MasterSignal): Command[] {
    return this.feed({ type: "signal", name });
  }

  said(said: NurseryEvent): Command[] {
    return this.feed({ type: "nursery-said", said });
  }

  /** Time passes up to the next moment the mind asked for; at most `limitMs`. */
  sleep(limitMs = Number.POSITIVE_INFINITY): void {
    const wakeMs = nextWakeMs(this.state, this.nowMs) ?? this.nowMs;
    this.nowMs = Math.min(Math.max(wakeMs, this.nowMs), this.nowMs + limitMs);
    this.feed({ type: "tick" });
  }

  #carryOut(command: Command): void {
    switch (command.do) {
      case "log":
        this.lines.push(`${command.level}: ${command.text}`);
        break;
      case "print-error":
        this.lines.push(`stderr: ${command.text}`);
        break;
      case "start-nursery":
        this.#starts.note("nursery", this.nowMs);
        assert.equal(this.nurseryPid, undefined, "two nurseries");
        this.nurseryPid = this.#newPid();
        this.#orders.push({ cmd: "hello" });
        break;
      case "run-config":
        this.#orders.push({ cmd: "run-config" });
        break;
      case "tell-nursery":
        if (this.nurseryPid !== undefined) this.#orders.push(command.message);
        break;
      case "start-gateway":
        this.#starts.note(`gateway ${command.gateway}`, this.nowMs);
        this.#orders.push({ cmd: "gateway", gateway: command.gateway, hold: command.hold });
        break;
      case "read-settings":
        this.#readings.push(command.reading);
        break;
      case "apply-settings":
        this.applied = command.plan;
        break;
      case "drop-gateway":
        // A gateway whose control socket is closed leaves.
        this.#pending.push(() => this.killGateway(command.gateway));
        break;
      case "configure-gateway":
        this.#gateway(command.gateway).configured = true;
        break;
      case "tell-gateway":
        this.#tell(this.#gateway(command.gateway), command.message);
        break;
      case "tell-gateways":
        for (const gateway of this.gateways) this.#tell(gateway, command.message);
        break;
      case "kill-process":
        this.#pending.push(() => this.#killProcess(command.pid));
        break;
      case "kill-nursery":
        this.#pending.push(() => this.killNursery());
        break;
      case "exit":
        this.exitCode = command.code;
        this.#checkNothingStays();
        break;
      default:
        break; // handles, which this world does not have
    }
  }

  #gateway(index: number): SimulatedGateway {
    const gateway = this.gateways[index];
    assert.ok(gateway !== undefined, `no gateway ${index}`);
    return gateway;
  }

  #tell(gateway: SimulatedGateway, message: GatewayCommand): void {
    if (gateway.pid !== undefined) gateway.orders.push(message);
  }

  #newPid(): number {
    this.#lastPid += 1;
    return this.#lastPid;
  }

  // What can happen of itself. Each returns whether it could.

  /** The hands have read the settings. */
  handsWork(): boolean {
    const reading = this.#readings.shift();
    if (reading === undefined) return false;
    const broken = this.nurseryPid === undefined || this.found === "broken";
    const outcome: Reading = broken
      ? { status: "failed", text: "Error: no" }
      : { status: "ok", plan: { ...this.plan, ...(this.found as Partial<Plan>) }, lines: [] };
    this.feed({ type: "settings-read", reading, outcome });
    return true;
  }

  /** The nursery carries out its next order. */
  nurseryWorks(): boolean {
    const order = this.#orders.shift();
    if (order === undefined || this.nurseryPid === undefined) return false;
    switch (order.cmd) {
      case "hello":
        this.said({ ev: "hello", pid: this.nurseryPid, python: "3.11.2", executable: "/usr/bin/python3" });
        break;
      case "run-config":
        if (this.configResult === "dies") return this.killNursery();
        this.said({ ev: "config-ran", status: this.configResult, text: "Traceback:\nSyntaxError: invalid syntax\n" });
        break;
      case "bind":
        if (this.bindError !== undefined) {
          this.said({ ev: "bind-failed", index: 0, errno: this.bindError, text: "[Errno 98] Address already in use" });
          break;
        }
        this.listening = order.addresses;
        for (const address of order.addresses) this.said({ ev: "listening", ...address });
        for (const gateway of this.gateways) gateway.listens ||= !order.hold;
        this.said({ ev: "bound" });
        break;
      case "listen-again":
        this.#gateway(order.gateway).listens = true;
        break;
      case "gateway": {
        const pid = this.#newPid();
        const gateway = this.#gateway(order.gateway);
        Object.assign(gateway, { pid, listens: !order.hold, configured: false });
        gateway.orders.length = 0;
        this.said({ ev: "gateway", gateway: order.gateway, pid });
        break;
      }
      case "fork": {
        if (order.preload && this.moldsHang) {
          const waiting = this.#unborn.get(order.generation) ?? new Map<number, boolean>();
          this.#unborn.set(order.generation, waiting.set(order.worker, false));
          break;
        }
        const worker = {
          number: order.worker,
          pid: this.#newPid(),
          nurseryPid: this.nurseryPid,
          loaded: false,
          busy: this.bootResult === "hangs",
          linkedTo: new Map(),
          leaving: false,
          direct: this.state.workers.get(order.worker)?.direct ?? this.state.plan.direct,
        };
        this.workers.set(order.worker, worker);
        this.said({ ev: "forked", worker: worker.number, pid: worker.pid });
        break;
      }
      case "stop":
      case "dismiss":
      case "quit": {
        const worker = this.workers.get(order.worker);
        if (worker?.nurseryPid === this.nurseryPid) worker.leaving = true;
        break;
      }
      case "no-gateway":
        for (const { index } of this.gateways) this.killGateway(index);
        break;
      case "abort":
        if (this.workers.get(order.worker)?.busy !== true) this.workerDies(order.worker, { signal: "SIGABRT" });
        break;
      case "kill":
        if (!this.workerDies(order.worker, { signal: "SIGKILL" })) this.#killUnborn(order.worker);
        break;
      case "adopted":
        for (const [number, pid] of order.workers) this.#adopted.set(number, pid);
        this.said({ ev: "adopted" });
        for (const [number, pid] of [...this.#adopted]) if (!this.workers.has(number)) this.#reportOrphan(number, pid);
        break;
      case "pre-exec":
        this.said({ ev: "pre-exec-ran", status: this.preExecStatus });
        break;
      case "unlisten":
        this.said({ ev: "unlistened" });
        break;
      case "exit":
        this.killNursery({ code: 0 });
        break;
      default:
        break;
    }
    return true;
  }

  /** It has a channel to every gateway that is there. */
  isLinked({ linkedTo }: SimulatedWorker): boolean {
    const there = this.gateways.filter(({ pid }) => pid !== undefined);
    return there.length > 0 && there.every(({ index, pid }) => linkedTo.get(index) === pid);
  }

  #hasAnyLink({ linkedTo }: SimulatedWorker): boolean {
    return this.gateways.some(({ index, pid }) => pid !== undefined && linkedTo.get(index) === pid);
  }

  /** Somebody kills what hangs and is not with the gateways: with `timeout` 0 the server itself never does. */
  endHangs(): void {
    for (const worker of [...this.workers.values()]) {
      if (worker.busy && !this.isLinked(worker)) this.workerDies(worker.number, { signal: "SIGKILL" });
    }
    for (const waiting of [...this.#unborn.values()]) for (const number of waiting.keys()) this.#killUnborn(number);
  }

  /** As the nursery: a mold goes when the last of its workers is to be killed. */
  #killUnborn(number: number): void {
    for (const [generation, waiting] of this.#unborn) {
      if (waiting.has(number)) waiting.set(number, true);
      if (![...waiting.values()].every(Boolean)) continue;
      this.#unborn.delete(generation);
      this.said({ ev: "mold-failed", generation, status: { signal: "SIGKILL" } });
      for (const worker of waiting.keys()) if (this.exitCode === undefined) this.said({ ev: "exited", worker, pid: 0, status: null });
    }
  }

  #reportOrphan(number: number, pid: number): void {
    this.#adopted.delete(number);
    this.said({ ev: "exited", worker: number, pid, status: null });
  }

  /** Every gateway, or one of them, starts, or carries out its next order. */
  gatewayWorks(which?: number): boolean {
    let moved = false;
    const some = which === undefined ? this.gateways : [this.#gateway(which % this.gateways.length)];
    for (const gateway of some) moved = this.#gatewayWorks(gateway) || moved;
    return moved;
  }

  #gatewayWorks(gateway: SimulatedGateway): boolean {
    const { index, pid } = gateway;
    if (pid === undefined || !gateway.configured || this.exitCode !== undefined) return false;
    if (this.gatewayBreaks) return this.killGateway(index);
    if (this.state.gateways[index]?.life.at === "connected") {
      this.feed({ type: "gateway-said", gateway: index, said: { ev: "up", pid } });
      return true;
    }
    const order = gateway.orders.shift();
    if (order === undefined) return false;
    if (order.cmd === "quit") this.killGateway(index);
    if (order.cmd === "drain") this.feed({ type: "gateway-said", gateway: index, said: { ev: "drained" } });
    if (order.cmd === "stop-worker") {
      const worker = this.workers.get(order.worker);
      if (worker !== undefined) worker.leaving = true;
    }
    return true;
  }

  /** Every worker takes its next step: loads, links, leaves. */
  workersWork(): boolean {
    let moved = false;
    for (const worker of [...this.workers.values()]) if (this.workers.has(worker.number)) moved = this.#workerWorks(worker) || moved;
    return moved;
  }

  #workerWorks(worker: SimulatedWorker): boolean {
    const parentLives = worker.nurseryPid === this.nurseryPid;
    if (worker.busy) return false;
    if (worker.leaving) return this.workerDies(worker.number, { code: 0 });
    if (!parentLives && !worker.direct && !this.#hasAnyLink(worker)) return this.workerDies(worker.number, { code: 0 });
    if (!worker.loaded) {
      if (this.bootResult === "hangs") return false;
      if (this.bootResult !== "ok") return this.workerDies(worker.number, this.bootResult);
      worker.loaded = true;
      if (parentLives) this.said({ ev: "ready", worker: worker.number, pid: worker.pid, modules: ["json"] });
      return true;
    }
    if (worker.direct) return false;
    // A nursery gives an orphan no channel to a gateway that is started later.
    const gateway = this.gateways.find(({ index, pid }) => {
      return pid !== undefined && worker.linkedTo.get(index) !== pid && this.state.gateways[index]?.life.at === "up";
    });
    if (gateway?.pid === undefined || !parentLives) return false;
    worker.linkedTo.set(gateway.index, gateway.pid);
    this.feed({ type: "gateway-said", gateway: gateway.index, said: { ev: "worker-ready", worker: worker.number } });
    return true;
  }

  workerDies(number: number, status: ExitStatus): boolean {
    const worker = this.workers.get(number);
    if (worker === undefined) return false;
    this.workers.delete(number);
    for (const { index, pid } of this.gateways) {
      if (pid === undefined || worker.linkedTo.get(index) !== pid) continue;
      const said = { ev: "worker-lost" as const, worker: number, pid: worker.pid, requests: [], more: 0 };
      this.feed({ type: "gateway-said", gateway: index, said });
    }
    if (worker.nurseryPid === this.nurseryPid) this.said({ ev: "exited", worker: number, pid: worker.pid, status });
    else if (this.nurseryPid !== undefined && this.#adopted.has(number)) this.#reportOrphan(number, worker.pid);
    return true;
  }

  #killProcess(pid: number): void {
    for (const gateway of this.gateways) if (gateway.pid === pid) this.killGateway(gateway.index);
    const worker = [...this.workers.values()].find((each) => each.pid === pid);
    if (worker !== undefined) this.workerDies(worker.number, { signal: "SIGKILL" });
  }

  killGateway(index = 0): boolean {
    const gateway = this.#gateway(index % this.gateways.length);
    const { pid } = gateway;
    if (pid === undefined) return false;
    gateway.pid = undefined;
    this.feed({ type: "gateway-closed", pid });
    if (this.nurseryPid !== undefined) this.said({ ev: "gateway-exited", pid, status: { signal: "SIGKILL" } });
    return true;
  }

  killNursery(status: ExitStatus = { signal: "SIGKILL" }): boolean {
    if (this.nurseryPid === undefined) return false;
    this.nurseryPid = undefined;
    this.#orders.length = 0;
    this.#adopted.clear();
    this.#unborn.clear();
    this.feed({ type: "nursery-exited", status });
    return true;
  }

  /** Lets everybody work until nothing moves, or until `done`; time passes only when nobody has anything to do. */
  run(done: () => boolean = () => false, stepsMax = 20_000): void {
    for (let count = 0; count < stepsMax && !done() && this.exitCode === undefined; count += 1) {
      if (this.nurseryWorks() || this.handsWork() || this.gatewayWorks() || this.workersWork()) continue;
      if (this.isSettled() && nextWakeMs(this.state, this.nowMs) === undefined) return;
      this.sleep();
      if (this.state.drainDelay !== undefined) continue; // there is an end to come
      if (this.isSettled() && !this.nurseryWorks() && this.exitCode === undefined) return;
    }
  }

  /** Once settled: everybody has the settings of the plan, its addresses and no others listen, and a gateway is there if it is needed. */
  checkPlan(): void {
    while (this.nurseryWorks()); // what needs no answer may still be on its way
    const { plan, target } = this.state;
    assert.equal(this.applied, plan);
    if (target === 0) {
      assert.ok(!this.gateways.some(({ pid }) => pid !== undefined), "a gateway takes clients that nobody answers");
      return;
    }
    const asked = (addresses: readonly ListenAddress[]) => addresses.map((address) => ({ ...address }));
    assert.deepEqual(asked(this.listening), asked(plan.addresses));
    for (const { index, pid, listens } of this.gateways) {
      assert.equal(pid !== undefined, !plan.direct, `gateway ${index} pid ${pid}`);
      if (!plan.direct) assert.ok(listens, `gateway ${index} has no listeners`);
    }
    for (const { number } of this.state.workers.values()) assert.equal(this.workers.get(number)?.direct, plan.direct);
  }

  /** As many ready workers of the wanted kind as wanted, and no others. */
  isSettled(): boolean {
    const all = [...this.state.workers.values()];
    return (
      this.state.phase.at === "serving" &&
      this.state.reload.at === "none" &&
      this.state.binds.length === 0 &&
      this.state.gateways.every(({ life }) => life.at === (this.state.plan.direct || this.state.target === 0 ? "absent" : "up")) &&
      all.length === this.state.target &&
      this.state.rest === undefined &&
      all.every((worker) => isReady(worker) && worker.generation === this.state.generation && !worker.doomed)
    );
  }
}

/** No start follows a death at once for ever: within any second there are few. */
class StartRate {
  readonly #times = new Map<string, number[]>();

  note(what: string, nowMs: number): void {
    const recent = [...(this.#times.get(what) ?? []), nowMs].filter((time) => nowMs - time < 1000);
    this.#times.set(what, recent);
    assert.ok(recent.length <= STARTS_PER_SECOND_MAX, `${what} started ${recent.length} times in a second`);
  }
}

function assertEndsOnly(command: Command): void {
  assert.ok(!["start-nursery", "start-gateway", "hand-over"].includes(command.do), `${command.do} while stopping`);
  if (command.do === "tell-nursery")
    assert.ok(!["fork", "bind", "warm"].includes(command.message.cmd), `${command.message.cmd} while stopping`);
}
