/**
 * A client that never retries, in a process of its own so that nothing else delays it. Requests come at a steady rate, whatever became of
 * those before: every second one on a connection of its own, the others on connections that are kept. Ends when standard input does, and
 * writes what it has seen.
 *
 * Arguments: address (a port or a path), requests per second, path of the requests.
 */

import { createConnection, type Socket } from "node:net";
import { readHttpResponse } from "../../bench/http-response.ts";
import type { RawResult } from "./raw-load.ts";

const [address = "", rate = "", path = "/"] = process.argv.slice(2);
const TURN_MS = 5;
/** Servers close idle connections; ours, when it stops, after 200 ms. A client that knows that does not use one that has been idle for longer than this. */
const FRESH_MS = 100;
/** This process stood still for so long that it does not know how long its connections have been idle for the server. */
const LATE_MS = 25;
/** An answer that has not come by then is lost. */
const PATIENCE_MS = 30_000;

interface Kept {
  readonly socket: Socket;
  readonly sinceMs: number;
}

const result: { -readonly [Key in keyof RawResult]: RawResult[Key] } = { requests: 0, failures: {}, latenciesMs: [] };
const idle: Kept[] = [];
let open = 0;
let over = false;

function connect(): Socket {
  return /^\d+$/.test(address)
    ? createConnection({ host: "127.0.0.1", port: Number(address), noDelay: true })
    : createConnection({ path: address });
}

/** The youngest connection that may be used again; those that have waited too long are closed. */
function takeKept(nowMs: number): Socket | undefined {
  for (let kept = idle.pop(); kept !== undefined; kept = idle.pop()) {
    if (nowMs - kept.sinceMs < FRESH_MS && !kept.socket.destroyed && kept.socket.readable) return kept.socket;
    kept.socket.destroy();
  }
  return undefined;
}

function ask(keep: boolean): void {
  const startedMs = performance.now();
  const socket = (keep ? takeKept(startedMs) : undefined) ?? connect();
  let received: Buffer = Buffer.alloc(0);
  open += 1;
  result.requests += 1;
  const finish = (failure: string | undefined): void => {
    clearTimeout(patience);
    socket.removeAllListeners();
    socket.on("error", () => {});
    open -= 1;
    if (failure !== undefined) result.failures[failure] = (result.failures[failure] ?? 0) + 1;
    result.latenciesMs.push(performance.now() - startedMs);
    if (over && open === 0) report();
  };
  const lose = (failure: string): void => {
    finish(failure);
    socket.destroy();
  };
  const patience = setTimeout(() => lose("no answer"), PATIENCE_MS);
  socket.on("data", (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    try {
      const response = readHttpResponse(received);
      if (response === undefined) return;
      finish(response.status === 200 ? undefined : `status ${response.status}`);
      if (!keep || !response.keepAlive) socket.destroy();
      else {
        socket.on("end", () => socket.destroy());
        idle.push({ socket, sinceMs: performance.now() });
      }
    } catch (error) {
      lose(String(error));
    }
  });
  socket.on("end", () => lose(received.length === 0 ? "closed without an answer" : "cut"));
  socket.on("error", (error: NodeJS.ErrnoException) => lose(error.code ?? error.message));
  socket.write(`GET ${path} HTTP/1.1\r\nHost: h\r\n${keep ? "" : "Connection: close\r\n"}\r\n`);
}

function report(): void {
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}

const beganMs = performance.now();
let sent = 0;
let turnMs = beganMs;
const timer = setInterval(() => {
  const nowMs = performance.now();
  // What the server has closed meanwhile may not have been read yet.
  if (nowMs - turnMs > TURN_MS + LATE_MS) for (const { socket } of idle.splice(0)) socket.destroy();
  turnMs = nowMs;
  const due = ((performance.now() - beganMs) / 1000) * Number(rate);
  for (; sent < due; sent += 1) ask(sent % 2 === 1);
}, TURN_MS);

process.stdin.on("end", () => {
  over = true;
  clearInterval(timer);
  if (open === 0) report();
});
process.stdin.resume();
process.stdout.write("\n");
