import { createConnection, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import type { Arrival } from "./arrivals.ts";
import { readHttpResponse } from "./http-response.ts";

/** Clients that take turns. As many as wrk has in most scenarios; a request that finds none idle waits, and its waiting is measured. */
const CLIENTS = 32;
/** From the start of the thread that keeps the time to the first request. */
const LEAD_MS = 200;
/** After the last request was due; far more than any answer may take. */
const DRAIN_LIMIT_MS = 10_000;

/** One run of an open loop. */
export interface OpenLoopRun {
  readonly port: number;
  readonly arrivals: readonly Arrival[];
  readonly slowPath: string;
}

/** What arrival-clock.mjs is started with. */
export interface ArrivalClockInput {
  /** `process.hrtime.bigint()` at the start of the load. */
  readonly startNs: bigint;
  readonly dueMs: readonly number[];
}

/** What the clients saw. */
export interface OpenLoopResult {
  /** From the time a fast request was due, not from when it could be sent, to the end of its answer. */
  readonly fastUs: readonly number[];
  /** `3 requests failed: connection reset`; one line for each kind. */
  readonly failures: readonly string[];
}

/** One keep-alive connection, opened again for the next request when the server has closed it. */
class Client {
  readonly #port: number;
  #socket: Socket | undefined;
  #received = Buffer.alloc(0);
  #finish: ((failure: string | undefined) => void) | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  get idle(): boolean {
    return this.#finish === undefined;
  }

  /** Sends one request; `finish` is called once, with undefined after an answer 200. */
  send(request: string, finish: (failure: string | undefined) => void): void {
    const reused = this.#socket !== undefined;
    const socket = this.#socket ?? this.#open();
    this.#finish = (failure) => {
      this.#finish = undefined;
      // A server may close an idle connection in the moment in which it is used; every client then asks once more (RFC 9110 §9.2.2).
      if (failure !== undefined && reused && this.#received.length === 0 && this.#socket === undefined) this.send(request, finish);
      else finish(failure);
    };
    socket.write(request);
  }

  close(): void {
    this.#finish = undefined;
    this.#socket?.destroy();
  }

  #open(): Socket {
    const socket = createConnection({ host: "127.0.0.1", port: this.#port, noDelay: true });
    this.#socket = socket;
    this.#received = Buffer.alloc(0);
    const lose = (reason: string): void => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#finish?.(reason);
    };
    socket.on("data", (chunk) => {
      if (this.#socket === socket) this.#read(socket, chunk);
    });
    socket.on("end", () => {
      socket.destroy();
      lose("connection closed before the answer was complete");
    });
    socket.on("error", (error) => lose(error.message));
    return socket;
  }

  #read(socket: Socket, chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    try {
      const response = readHttpResponse(this.#received);
      if (response === undefined) return;
      this.#received = this.#received.subarray(response.endBytes);
      if (!response.keepAlive) this.#drop(socket);
      this.#finish?.(response.status === 200 ? undefined : `status ${response.status}`);
    } catch (error) {
      this.#drop(socket);
      this.#finish?.(error instanceof Error ? error.message : String(error));
    }
  }

  #drop(socket: Socket): void {
    this.#socket = undefined;
    socket.destroy();
  }
}

/** Sends every request at its time and measures the fast ones. */
export async function runOpenLoop(run: OpenLoopRun): Promise<OpenLoopResult> {
  const formatRequest = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${run.port}\r\nAccept: */*\r\n\r\n`;
  const [fastRequest, slowRequest] = [formatRequest("/"), formatRequest(run.slowPath)];
  const clients = Array.from({ length: CLIENTS }, () => new Client(run.port));
  const waiting: Arrival[] = [];
  const fastUs: number[] = [];
  const failureCounts = new Map<string, number>();
  const startNs = process.hrtime.bigint() + BigInt(LEAD_MS * 1e6);
  let unfinished = run.arrivals.length;
  let turn = 0;

  await new Promise<void>((resolve, reject) => {
    const sendNow = (client: Client, arrival: Arrival): void => {
      client.send(arrival.slow ? slowRequest : fastRequest, (failure) => {
        if (failure !== undefined) failureCounts.set(failure, (failureCounts.get(failure) ?? 0) + 1);
        else if (!arrival.slow) fastUs.push(Number(process.hrtime.bigint() - startNs) / 1e3 - arrival.atMs * 1e3);
        unfinished -= 1;
        if (unfinished === 0) resolve();
        const next = waiting.shift();
        if (next !== undefined) sendNow(client, next);
      });
    };
    const send = (arrival: Arrival): void => {
      for (let step = 1; step <= CLIENTS; step += 1) {
        const place = (turn + step) % CLIENTS;
        const client = clients[place];
        if (client?.idle) {
          turn = place;
          sendNow(client, arrival);
          return;
        }
      }
      waiting.push(arrival);
    };

    const input: ArrivalClockInput = { startNs, dueMs: run.arrivals.map((arrival) => arrival.atMs) };
    const clock = new Worker(new URL("./arrival-clock.mjs", import.meta.url), { workerData: input });
    clock.on("message", (index: number) => {
      const arrival = run.arrivals[index];
      if (arrival !== undefined) send(arrival);
    });
    clock.on("error", reject);
    clock.on("exit", () => setTimeout(resolve, DRAIN_LIMIT_MS).unref());
    if (unfinished === 0) resolve();
  });
  for (const client of clients) client.close();
  if (unfinished > 0) failureCounts.set(`no answer within ${DRAIN_LIMIT_MS / 1000} s of the last request`, unfinished);
  return {
    fastUs,
    failures: Array.from(failureCounts, ([reason, count]) => `${count} of ${run.arrivals.length} requests failed: ${reason}`),
  };
}
