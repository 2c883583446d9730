/** The gateway's end of the arbiter's control socket (docs/internals/channels.md §2). */

import { Socket } from "node:net";
import type { GatewayCounters } from "../telemetry/gateway-counters.ts";
import { encodeLine, LineReader } from "../wire/json-lines.ts";
import type { TlsMaterial } from "../wire/tls-material.ts";
import type { Page } from "./admin-prefix.ts";
import type { GatewayReport } from "./holdings.ts";
import type { LateLimit, LostWorker, RequestSummary } from "./worker-report.ts";

/** What the arbiter says. */
export type GatewayCommand =
  | {
      readonly cmd: "configure";
      readonly settings: Readonly<Record<string, unknown>>;
      readonly tls?: TlsMaterial;
      readonly hold?: boolean;
      /** The Python half: an interpreter, and its program. */
      readonly python: readonly string[];
    }
  /** Files of certificates have been read again. */
  | { readonly cmd: "tls"; readonly tls: TlsMaterial }
  | { readonly cmd: "part" | "drain" | "quit" | "pause" | "reopen-logs" }
  /** What do you hold? The answer has the number of the question. */
  | { readonly cmd: "report"; readonly ask: number }
  /** The answer to `page`. */
  | { readonly cmd: "page"; readonly id: number; readonly page: Page }
  | { readonly cmd: "stop-worker"; readonly worker: number };

/** What the gateway says. */
export type GatewayEvent =
  | { readonly ev: "up"; readonly pid: number }
  | { readonly ev: "worker-ready" | "worker-leaving"; readonly worker: number }
  | ({ readonly ev: "worker-lost" } & LostWorker)
  | { readonly ev: "overdue"; readonly worker: number; readonly silentMs: number; readonly request: RequestSummary | undefined }
  | {
      readonly ev: "late";
      readonly worker: number;
      readonly limit: LateLimit;
      readonly first: boolean;
      readonly request: RequestSummary;
    }
  | ({ readonly ev: "counters" } & GatewayCounters)
  /** A client asks for a page of the admin port. */
  | { readonly ev: "page"; readonly id: number; readonly name: string }
  | { readonly ev: "drained" | "resume" }
  | ({ readonly ev: "report"; readonly ask: number } & GatewayReport)
  | { readonly ev: "log"; readonly level: "warning" | "error" | "info"; readonly text: string };

export class ControlChannel {
  readonly #socket: Socket;

  /** @param onGone  The arbiter has died: there is nobody left to serve for. */
  constructor(fd: number, onCommand: (command: GatewayCommand) => void, onGone: () => void) {
    // Only the arbiter writes here, and both ends are built together: its lines are commands.
    const reader = new LineReader((message) => onCommand(message as GatewayCommand));
    this.#socket = new Socket({ fd, readable: true, writable: true });
    this.#socket.setEncoding("utf8");
    this.#socket.on("data", (text: string) => reader.feed(text));
    this.#socket.on("error", () => {});
    this.#socket.on("close", onGone);
  }

  send(event: GatewayEvent): void {
    if (this.#socket.writable) this.#socket.write(encodeLine(event));
  }
}
