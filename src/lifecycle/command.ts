/** What the mind tells the hands to do. The hands carry the commands out in order and decide nothing. */

import type { GatewayCommand, LogLevel, NurseryCommand } from "./messages.ts";

export type Command =
  | {
      readonly do: "log";
      readonly level: LogLevel;
      readonly text: string /** Whose line it is; the arbiter's own when absent. */;
      readonly pid?: number;
    }
  /** Text for standard error, outside the log's format. */
  | { readonly do: "print-error"; readonly text: string }
  | { readonly do: "start-nursery" }
  /** Sends `run-config`: a new nursery has none of the configuration's live objects. */
  | { readonly do: "run-config" }
  /** Sends `settings`. */
  | { readonly do: "send-settings" }
  /** Sends the kept listeners; with `gateway` also the parked descriptors and the copy of the gateway's channel. */
  | { readonly do: "hand-over"; readonly gateway: boolean }
  | { readonly do: "tell-nursery"; readonly message: NurseryCommand }
  | { readonly do: "kill-nursery" }
  /** Sends `gateway`, with the program and the flags of Node. */
  | { readonly do: "start-gateway" }
  /** Sends `configure`. */
  | { readonly do: "configure-gateway" }
  | { readonly do: "tell-gateway"; readonly message: GatewayCommand }
  /** Closes what was kept of a gateway that is gone: control socket, parked descriptors, copy of its channel. */
  | { readonly do: "drop-gateway" }
  /** SIGKILL, to the gateway or to a worker whose nursery is gone. */
  | { readonly do: "kill-process"; readonly pid: number }
  | { readonly do: "close-listeners" }
  | { readonly do: "reopen-logs" }
  /** The end: pid file and unix sockets are removed, the process exits. Comes exactly once, as the last command. */
  | { readonly do: "exit"; readonly code: number };
