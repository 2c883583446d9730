/** What arrives from the nursery and the gateway, as the mind's events. Both halves are built together: known messages have their fields. */

import type { GatewayEvent, NurseryEvent } from "../lifecycle/messages.ts";

const NURSERY_EVENTS: Record<NurseryEvent["ev"], true> = {
  hello: true,
  "config-ran": true,
  listening: true,
  bound: true,
  "bind-failed": true,
  gateway: true,
  "gateway-channel": true,
  parked: true,
  "gateway-exited": true,
  forked: true,
  ready: true,
  overdue: true,
  sources: true,
  worn: true,
  memory: true,
  signalled: true,
  exited: true,
  "boot-failed": true,
  "mold-failed": true,
  "unknown-child": true,
  "forward-signal": true,
  "hook-failed": true,
  "set-workers": true,
  halt: true,
  unlistened: true,
  adopted: true,
  log: true,
  failed: true,
};

const GATEWAY_EVENTS: Record<GatewayEvent["ev"], true> = {
  up: true,
  "worker-ready": true,
  "worker-leaving": true,
  "worker-lost": true,
  drained: true,
  resume: true,
  overdue: true,
  late: true,
  report: true,
  log: true,
};

/** @returns undefined for a message that the mind has no part for. */
export function nurseryEvent(message: unknown): NurseryEvent | undefined {
  return Object.hasOwn(NURSERY_EVENTS, eventName(message)) ? (message as NurseryEvent) : undefined;
}

/** @returns undefined for a message that the mind has no part for. */
export function gatewayEvent(message: unknown): GatewayEvent | undefined {
  return Object.hasOwn(GATEWAY_EVENTS, eventName(message)) ? (message as GatewayEvent) : undefined;
}

/** @returns the `ev` of a message, `""` when it has none. */
export function eventName(message: unknown): string {
  if (typeof message !== "object" || message === null || !("ev" in message)) return "";
  return typeof message.ev === "string" ? message.ev : "";
}
