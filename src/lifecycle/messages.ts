/** What the nursery and the gateway say to the arbiter, and the small commands it gives them. The contract is docs/internals/channels.md §1-2. */

import type { BindAddress } from "../base/address.ts";
import type { ToldHook } from "./hooks.ts";

/** How a process ended: an exit code, a signal's name (`"SIGKILL"`), or null when nobody could collect it (orphans of a dead nursery). */
export type ExitStatus = { readonly code: number } | { readonly signal: string } | null;

export type LogLevel = "debug" | "info" | "warning" | "error" | "critical";

/** A socket to listen on, as the nursery is asked for it and as it reports it. */
export type ListenAddress = BindAddress & { readonly index: number };

/** A request that a worker was in, for the log. */
export interface RequestInfo {
  readonly method: string;
  readonly target: string;
  readonly id: number;
  /** Where requests have ids; lines name it by this one then. `id` is that of its stream. */
  readonly requestId?: string;
  readonly ageMs: number;
}

/** `nursery says` of the contract, without what the hands take before the mind begins. */
export type NurseryEvent =
  | { readonly ev: "hello"; readonly pid: number; readonly python: string; readonly executable: string }
  | ({ readonly ev: "listening" } & ListenAddress)
  | { readonly ev: "bound" }
  | { readonly ev: "bind-failed"; readonly index: number; readonly errno: string; readonly text: string }
  | { readonly ev: "gateway"; readonly gateway: number; readonly pid: number }
  /** The answer to a successor; the first nursery's is awaited before the mind begins. */
  | { readonly ev: "config-ran"; readonly status: "ok" | "missing" | "failed" | "exited"; readonly text: string }
  | { readonly ev: "gateway-channel"; readonly gateway: number; readonly pid: number }
  | { readonly ev: "parked"; readonly gateway: number }
  | { readonly ev: "gateway-exited"; readonly pid: number; readonly status: ExitStatus }
  | { readonly ev: "forked"; readonly worker: number; readonly pid: number }
  | { readonly ev: "ready"; readonly worker: number; readonly pid: number; readonly modules: readonly string[] }
  /** A direct worker has not beaten for longer than `timeout`. */
  | { readonly ev: "overdue"; readonly worker: number; readonly silentMs: number }
  /** With `reload`: files that a worker's code came from. */
  | { readonly ev: "sources"; readonly files: readonly string[] }
  /** The worker has begun as many requests as `max_requests` allows. */
  | { readonly ev: "worn"; readonly worker: number; readonly requests: number }
  /** The worker's memory is over a limit: said once for each. */
  | { readonly ev: "memory"; readonly worker: number; readonly bytes: number; readonly limitBytes: number; readonly hard: boolean }
  | { readonly ev: "signalled"; readonly worker: number; readonly signal: string }
  | {
      readonly ev: "exited";
      readonly worker: number;
      readonly pid: number;
      readonly status: ExitStatus;
      /** With SIGKILL: whether the kernel killed it for lack of memory; absent where that cannot be known. */
      readonly outOfMemory?: boolean;
    }
  /** The application could not be loaded: the traceback. `exited` or `mold-failed` follows. */
  | { readonly ev: "boot-failed"; readonly text: string }
  | { readonly ev: "mold-failed"; readonly generation: number; readonly status: ExitStatus }
  | { readonly ev: "unknown-child"; readonly pid: number; readonly status: ExitStatus }
  | { readonly ev: "forward-signal"; readonly signal: string }
  /** A hook raised. `code`: it asked for the end with this exit status. */
  | { readonly ev: "hook-failed"; readonly hook: string; readonly text: string; readonly code: number | null; readonly worker?: number }
  /** The process that called `pre_exec` has ended. */
  | { readonly ev: "pre-exec-ran"; readonly status: ExitStatus }
  /** A hook assigned `server.num_workers`, and has called `nworkers_changed` itself. */
  | { readonly ev: "set-workers"; readonly count: number }
  /** A hook called `server.halt()`. */
  | { readonly ev: "halt"; readonly reason: string | null; readonly code: number }
  | { readonly ev: "unlistened" }
  | { readonly ev: "adopted" }
  | { readonly ev: "log"; readonly level: LogLevel; readonly text: string }
  | { readonly ev: "failed"; readonly cmd: string; readonly text: string; readonly worker?: number; readonly gateway?: number };

/** `It says` of the contract's §2. */
export type GatewayEvent =
  | { readonly ev: "up"; readonly pid: number }
  | { readonly ev: "worker-ready"; readonly worker: number }
  | { readonly ev: "worker-leaving"; readonly worker: number }
  | {
      readonly ev: "worker-lost";
      readonly worker: number;
      readonly pid: number;
      readonly requests: readonly RequestInfo[];
      /** Lost ones that are not among them. */
      readonly more: number;
    }
  | { readonly ev: "drained" }
  /** It had paused, and wants its listeners again. */
  | { readonly ev: "resume" }
  | { readonly ev: "overdue"; readonly worker: number; readonly silentMs: number; readonly request?: RequestInfo }
  /** A request is in the application for longer than it may; `slow` and `soft` are said again while it lasts, `first` once. */
  | {
      readonly ev: "late";
      readonly worker: number;
      readonly limit: "slow" | "soft" | "hard";
      readonly first: boolean;
      readonly request: RequestInfo;
    }
  /** The answer to a question of the hands (`report`). */
  | { readonly ev: "report" }
  | { readonly ev: "log"; readonly level: LogLevel; readonly text: string };

export type NurseryCommand =
  | {
      readonly cmd: "bind";
      readonly addresses: readonly ListenAddress[];
      readonly backlog: number;
      /** Of the addresses, how many (the first ones) new direct workers get: the others are about to be closed. */
      readonly own: number;
      /** The gateway gets them with the next `listen-again`, not at once. */
      readonly hold: boolean;
    }
  | {
      readonly cmd: "hook";
      readonly hook: ToldHook /** For `nworkers_changed`. */;
      readonly count?: number;
      readonly before?: number | null;
    }
  | {
      readonly cmd: "fork";
      readonly worker: number;
      readonly generation: number;
      readonly preload: boolean;
      /** Asks for the list of standard-library modules in `ready`. */
      readonly report_modules: boolean;
    }
  | { readonly cmd: "stop" | "dismiss" | "quit" | "abort" | "kill" | "interrupt"; readonly worker: number }
  | { readonly cmd: "warm"; readonly modules: readonly string[] }
  | { readonly cmd: "adopted"; readonly workers: readonly (readonly [number, number])[] }
  | { readonly cmd: "listen-again"; readonly gateway: number }
  | { readonly cmd: "pre-exec" | "reopen-logs" | "no-gateway" | "unlisten" | "promoted" | "exit" };

export type GatewayCommand =
  | { readonly cmd: "part" | "drain" | "quit" | "reopen-logs" }
  | { readonly cmd: "stop-worker"; readonly worker: number };
