/** The gateway's entry: started by the nursery with its descriptors as arguments (docs/internals/channels.md §3). */

import { parseArgs } from "node:util";
import type { NurseryMessage } from "../gateway/configured-gateway.ts";
import { Gateway } from "../gateway/gateway.ts";

// The process group's signals are the arbiter's business; this process is told by its control channel.
for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const) process.on(signal, () => {});

const { values } = parseArgs({
  options: { "ticket-fd": { type: "string" }, "slots-fd": { type: "string" }, "control-fd": { type: "string" } },
});

process.title = "tunicorn: gateway";

const gateway = new Gateway({
  ticketFd: Number(values["ticket-fd"]),
  slotsFd: Number(values["slots-fd"]),
  controlFd: Number(values["control-fd"]),
});

process.on("uncaughtException", (error) => gateway.fail(error));
process.on("message", (message, handle) => gateway.onNurseryMessage(message as NurseryMessage, handle));
// The nursery may die and be replaced; the arbiter's control socket is what this process lives by.
process.on("disconnect", () => {});
