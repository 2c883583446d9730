/** The listening sockets: bound at the start, and again when a reload has changed the addresses. */

import { addressInMessages, addressUrl } from "../base/address.ts";
import { listenAgain } from "./gateway.ts";
import { callHook } from "./hooks.ts";
import type { ListenAddress } from "./messages.ts";
import { noteWithdrawn } from "./reload.ts";
import { type ArbiterState, type BindAttempts, log, type Turn } from "./state.ts";
import { beginStop } from "./stop.ts";

/** As Gunicorn: five attempts for each address, and a second after each of them, the last one too. */
const BIND_ATTEMPTS_MAX = 5;
const BIND_RETRY_MS = 1000;

/**
 * What should be listened on: the addresses of the newest plan, then those that older plans need until they are done with. So new
 * ones are open before old ones close, and a reload that fails has closed none.
 */
export function wantedAddresses(state: ArbiterState): readonly ListenAddress[] {
  const plans = [state.reload.at === "binding" ? state.reload.read.plan : state.plan, state.plan, state.fallback?.plan ?? state.plan];
  const wanted: ListenAddress[] = [];
  for (const { addresses } of plans) {
    for (const address of addresses) {
      if (!wanted.some((each) => isSameAddress(each, address))) wanted.push({ ...address, index: wanted.length });
    }
  }
  return wanted;
}

function isSameAddress(one: ListenAddress, other: ListenAddress): boolean {
  return JSON.stringify({ ...one, index: 0 }) === JSON.stringify({ ...other, index: 0 });
}

export function areSameAddresses(some: readonly ListenAddress[], others: readonly ListenAddress[]): boolean {
  return JSON.stringify(some) === JSON.stringify(others);
}

/** Asks for the sockets of all wanted addresses; those that are there already are kept. */
export function sendBind(turn: Turn): void {
  const { state } = turn;
  const plan = state.reload.at === "binding" ? state.reload.read.plan : state.plan;
  const addresses = wantedAddresses(state);
  state.binds.push(addresses);
  // At the start a gateway may wait for its listeners already; later, what we hold has to be closed before it closes its own.
  const hold = state.phase.at === "serving";
  const message = { cmd: "bind" as const, addresses, backlog: plan.backlog, own: plan.addresses.length, hold };
  turn.out.push({ do: "tell-nursery", message });
}

export function onListening(turn: Turn, address: ListenAddress): void {
  turn.state.heard.push(address);
}

/** @returns whether all that was asked for listens now, and it was the last that was asked for. */
export function onBound(turn: Turn): boolean {
  const { state } = turn;
  state.listeners = state.heard.splice(0).sort((one, other) => one.index - other.index);
  state.listening = state.binds.shift() ?? state.listening;
  turn.out.push({ do: "keep-listeners", asked: state.listening });
  if (state.binds.length > 0) return false;
  if (state.phase.at === "binding") {
    beginServing(turn);
    return true;
  }
  if (state.phase.at !== "serving") return false;
  for (const gateway of state.gateways) if (gateway.told === "nothing") listenAgain(turn, gateway);
  return true;
}

function beginServing(turn: Turn): void {
  const { state } = turn;
  state.phase = { at: "serving" };
  log(turn, "debug", "Arbiter booted");
  log(turn, "info", `Listening at: ${listenerUrls(state)} (${state.plan.pid})`);
  log(turn, "info", `Using worker: ${state.plan.workerClass}`);
  callHook(turn, "when_ready");
}

/** The plan's own listeners as Gunicorn shows them. It writes IPv6 addresses with http even under TLS. */
export function listenerUrls({ listeners, plan }: ArbiterState): string {
  return listeners
    .slice(0, plan.addresses.length)
    .map((address) => addressUrl(address, plan.tls && address.kind === "tcp" ? "https" : "http"))
    .join(",");
}

export function onBindFailed(turn: Turn, failed: { index: number; errno: string; text: string }): void {
  const { state, nowMs } = turn;
  const address = state.binds.shift()?.find((each) => each.index === failed.index);
  const before = attempts(state);
  if (before === undefined || state.binds.length > 0) return;
  const text = address === undefined ? `address ${failed.index}` : addressInMessages(address);
  if (failed.errno === "EADDRINUSE") log(turn, "error", `Connection in use: ${text}`);
  if (failed.errno === "EADDRNOTAVAIL") log(turn, "error", `Invalid address: ${text}`);
  log(turn, "error", `connection to ${text} failed: ${failed.text}`);
  // An address further on begins its own five: those before it could be bound.
  const count = before.failed === undefined || failed.index > before.failed.index ? 1 : before.failed.attempts + 1;
  log(turn, "debug", "Retrying in 1 second.");
  const index = Math.max(failed.index, before.failed?.index ?? 0);
  setAttempts(state, { failed: { index, attempts: count, text }, retryAtMs: nowMs + BIND_RETRY_MS });
}

function attempts({ phase, reload }: ArbiterState): BindAttempts | undefined {
  if (phase.at === "binding") return phase;
  return phase.at === "serving" && reload.at === "binding" ? reload : undefined;
}

function setAttempts(state: ArbiterState, { failed, retryAtMs }: BindAttempts): void {
  if (state.phase.at === "binding") state.phase = { at: "binding", failed, retryAtMs };
  else if (state.reload.at === "binding") state.reload = { ...state.reload, failed, retryAtMs };
}

/** When a failed bind is tried again. */
export function retryAtMs(state: ArbiterState): number | undefined {
  return attempts(state)?.retryAtMs;
}

/** Binds what is wanted and was not asked for, and again a second after an attempt that failed. Called after every event. */
export function superviseListeners(turn: Turn): void {
  const { state, nowMs } = turn;
  if (state.nursery.at !== "up") return;
  const dueMs = retryAtMs(state);
  if (dueMs === undefined) {
    // A reload waits for an answer, also when the addresses happen to be those of one before.
    const unanswered = state.reload.at === "binding" && state.binds.length === 0;
    const asked = state.binds.at(-1) ?? state.listening;
    if (state.phase.at === "serving" && (unanswered || !areSameAddresses(wantedAddresses(state), asked))) sendBind(turn);
    return;
  }
  if (nowMs < dueMs) return;
  const failed = attempts(state)?.failed;
  if (failed !== undefined && failed.attempts >= BIND_ATTEMPTS_MAX) {
    giveUp(turn, failed.text);
    return;
  }
  setAttempts(state, { failed, retryAtMs: undefined });
  sendBind(turn);
}

function giveUp(turn: Turn, address: string): void {
  const { state } = turn;
  log(turn, "error", `Can't connect to ${address}`);
  if (state.phase.at === "binding") {
    beginStop(turn, { quick: false, ending: { code: 1, reason: undefined, silent: true } });
    return;
  }
  state.reload = { at: "none" };
  noteWithdrawn(turn, "an address cannot be bound, everything stays as it was");
}
