/** What the mind tells the hands to do. The hands carry the commands out in order and decide nothing. */

import type { GatewayCommand, ListenAddress, LogLevel, NurseryCommand } from "./messages.ts";
import type { ServiceNote } from "./service-notes.ts";
import type { Plan } from "./state.ts";

export type Command =
  | {
      readonly do: "log";
      readonly level: LogLevel;
      readonly text: string /** Whose line it is; the arbiter's own when absent. */;
      readonly pid?: number;
      /** A metric that goes with it, whatever the level lets pass: Gunicorn's `extra`. */
      readonly gauge?: { readonly name: string; readonly value: number };
    }
  /** A warning about a worker's request, and below it the stack that this is in. */
  | { readonly do: "log-stacks"; readonly worker: number; readonly request: number; readonly text: string }
  /** Text for standard error, outside the log's format. */
  | { readonly do: "print-error"; readonly text: string }
  | { readonly do: "start-nursery" }
  /** Sends `run-config`: a new nursery has none of the configuration's live objects. */
  | { readonly do: "run-config" }
  /** Sends `settings`, those of the plan of now. */
  | { readonly do: "send-settings" }
  /** Reads the settings again, all layers; `settings-read` follows. */
  | { readonly do: "read-settings"; readonly reading: number }
  /** The settings behind this plan count from now on: for the nursery, the gateway, the log, the pid file, the title. */
  | { readonly do: "apply-settings"; readonly plan: Plan }
  /** Sends the kept listeners, and of these gateways the parked descriptors and the copies of their channels. */
  | { readonly do: "hand-over"; readonly gateways: readonly number[] }
  | { readonly do: "tell-nursery"; readonly message: NurseryCommand }
  | { readonly do: "kill-nursery" }
  /** Sends `gateway`, with the program and the flags of Node. `hold`: it gets its listeners later. */
  | { readonly do: "start-gateway"; readonly gateway: number; readonly hold: boolean }
  /** Sends `configure`. `hold`: it is up without listeners. */
  | { readonly do: "configure-gateway"; readonly gateway: number; readonly hold: boolean }
  | { readonly do: "tell-gateway"; readonly gateway: number; readonly message: GatewayCommand }
  | { readonly do: "tell-gateways"; readonly message: GatewayCommand }
  /** Closes what was kept of a gateway that is gone: control socket, parked descriptors, copy of its channel. */
  | { readonly do: "drop-gateway"; readonly gateway: number }
  /** SIGKILL, to a gateway or to a worker whose nursery is gone. */
  | { readonly do: "kill-process"; readonly pid: number }
  | { readonly do: "close-listeners" }
  /** Those that came with the answer to a `bind` take the place of the ones before. */
  | { readonly do: "keep-listeners"; readonly asked: readonly ListenAddress[] }
  | { readonly do: "reopen-logs" }
  /** Starts a new master on the kept listeners; `successor-exited` tells its end. */
  | { readonly do: "start-successor" }
  /** This master is the only one from now on: pid file, title and environment are those of any other. */
  | { readonly do: "promote" }
  | { readonly do: "tell-service-manager"; readonly note: ServiceNote }
  /** The end: pid file and, unless another master has them, unix sockets are removed, the process exits. Comes exactly once, as the last command. */
  | { readonly do: "exit"; readonly code: number; readonly keepSockets: boolean };
