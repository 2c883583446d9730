/** The gateway as a process; the test is its arbiter, its nursery and, with `FakeWorker`, its workers. */

import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, type SendHandle, spawn } from "node:child_process";
import { closeSync, constants, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import type { GatewayCommand, GatewayEvent } from "../../src/gateway/control-channel.ts";
import type { Way } from "../../src/gateway/worker-pools.ts";
import { FROM_WORKER, SLOT_BYTES, SLOT_COUNT, TICKET_BYTES } from "../../src/wire/frame-types.ts";
import { encodeLine, LineReader } from "../../src/wire/json-lines.ts";
import { type BoundSocket, bindLoopback } from "./bound-socket.ts";
import { FakeWorker } from "./fake-worker.ts";
import { settingsOf } from "./settings-of.ts";
import { temporaryDirectory, until } from "./spool-directory.ts";

const CLAIM_OFFSET = 4;
const STARTED_OFFSET = 8;

/** Any handle that Node can send. */
type RawHandle = SendHandle & { close(): void };

/** The sources in one file: starting it takes a tenth of the time. */
function bundle(directory: string): string {
  const outfile = join(directory, "gateway.mjs");
  const entry = fileURLToPath(new URL("../../src/main/gateway.ts", import.meta.url));
  buildSync({ entryPoints: [entry], outfile, bundle: true, platform: "node", target: "node20", format: "esm" });
  return outfile;
}

/** The member of the union whose `ev` may be `E`. */
type EventNamed<E extends GatewayEvent["ev"]> = GatewayEvent extends infer Event
  ? Event extends { readonly ev: infer Names }
    ? E extends Names
      ? Event
      : never
    : never
  : never;

export interface PulledRequest {
  readonly id: number;
  /** The marshalled head. */
  readonly head: string;
}

export class GatewayProcess {
  readonly said: GatewayEvent[] = [];
  /** They come each second, and belong to nothing that is done. */
  readonly counters: Extract<GatewayEvent, { ev: "counters" }>[] = [];
  readonly directory: string;
  readonly child: ChildProcess;
  readonly control: Socket;
  stdout = "";
  stderr = "";
  readonly #t: TestContext;
  readonly #tickets: number;
  readonly #slots: number;
  #workers = 0;

  constructor(t: TestContext) {
    this.#t = t;
    this.directory = temporaryDirectory(t);
    const pipe = join(this.directory, "tickets");
    execFileSync("mkfifo", [pipe]);
    this.#tickets = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
    this.#slots = openSync(join(this.directory, "slots"), "w+");
    ftruncateSync(this.#slots, SLOT_COUNT * SLOT_BYTES);
    const program = [bundle(this.directory), "--control-fd", "4", "--ticket-fd", "5", "--slots-fd", "6"];
    this.child = spawn(process.execPath, ["--inspect-port=0.0.0.1:1024", ...program], {
      env: { PATH: process.env.PATH, TMPDIR: tmpdir() },
      // A "pipe" of Node's is a socketpair: the control socket.
      stdio: ["ignore", "pipe", "pipe", "ipc", "pipe", writer, this.#slots],
    });
    closeSync(writer);
    this.control = this.child.stdio[4] as Socket;
    const reader = new LineReader((message) => {
      const event = message as GatewayEvent;
      if (event.ev === "counters") this.counters.push(event);
      else this.said.push(event);
    });
    this.control.setEncoding("utf8").on("data", (text: string) => reader.feed(text));
    this.control.on("error", () => {});
    this.child.stdout?.on("data", (bytes: Buffer) => {
      this.stdout += bytes.toString();
    });
    this.child.stderr?.on("data", (bytes: Buffer) => {
      this.stderr += bytes.toString();
    });
    t.after(() => {
      this.child.kill("SIGKILL");
      closeSync(this.#tickets);
      closeSync(this.#slots);
    });
  }

  // --- the arbiter's side ------------------------------------------------------------------------------------------

  tell(command: GatewayCommand): void {
    this.control.write(encodeLine(command));
  }

  /** @param words  A command line. */
  configure(words: readonly string[] = []): void {
    this.tell({ cmd: "configure", python: ["python3"], settings: settingsOf(words) as unknown as Readonly<Record<string, unknown>> });
  }

  /** Waits for an event, and takes it off `said`. */
  async hears<E extends GatewayEvent["ev"]>(ev: E): Promise<EventNamed<E>> {
    await this.#alive(() => this.said.some((event) => event.ev === ev));
    const [event] = this.said.splice(
      this.said.findIndex((one) => one.ev === ev),
      1,
    );
    return event as EventNamed<E>;
  }

  /** What it holds, when it has done all that was ready for it: what came before the question is seen by the third answer. */
  async settled(): Promise<EventNamed<"report">> {
    for (let round = 0; round < 2; round++) {
      this.tell({ cmd: "report", ask: 1 });
      await this.hears("report");
    }
    this.tell({ cmd: "report", ask: 1 });
    return await this.hears("report");
  }

  /** Waits until its numbers are these. */
  async counts(wanted: { readonly connections?: number; readonly queued?: number }): Promise<void> {
    for (;;) {
      const report = await this.settled();
      if (report.connections === (wanted.connections ?? report.connections) && report.queued === (wanted.queued ?? report.queued)) return;
    }
  }

  /** @returns Its exit code, or the signal that ended it. */
  async exit(): Promise<number | string> {
    await until(() => this.child.exitCode !== null || this.child.signalCode !== null);
    return this.child.exitCode ?? this.child.signalCode ?? assert.fail();
  }

  async #alive(holds: () => boolean): Promise<void> {
    let held = false;
    await until(() => {
      held = holds();
      return held || this.child.exitCode !== null || this.child.signalCode !== null;
    });
    if (!held) assert.fail(`the gateway has ended: ${this.child.exitCode ?? this.child.signalCode}\n${this.stderr}`);
  }

  // --- the nursery's side ------------------------------------------------------------------------------------------

  listen({ handle, port }: BoundSocket, index = 0, count = 1): void {
    this.#send({ cmd: "listen", index, count, kind: "tcp", host: "127.0.0.1", port, path: "" }, handle as unknown as RawHandle);
  }

  /** A worker whose channel the gateway has. */
  async worker(way: Way = "pull"): Promise<{ worker: FakeWorker; number: number }> {
    const worker = await FakeWorker.connect(this.#t, this.directory);
    const number = ++this.#workers;
    const handle = worker.gatewayHandle as RawHandle;
    this.#send({ cmd: "worker", worker: number, pid: 100 + number, lane: 0, way }, handle, () => handle.close());
    return { worker, number };
  }

  /** A worker that is counted in. */
  async readyWorker(way: Way = "pull"): Promise<{ worker: FakeWorker; number: number }> {
    const made = await this.worker(way);
    made.worker.sendUInt32(FROM_WORKER.ready, 0, made.number);
    assert.equal((await this.hears("worker-ready")).worker, made.number);
    return made;
  }

  #send(message: object, handle: RawHandle, sent: () => void = () => {}): void {
    this.child.send(message, handle, {}, (error) => {
      if (error !== null) throw error;
      sent();
    });
  }

  // --- the workers' side -------------------------------------------------------------------------------------------

  /** Pulls the next request as worker `number` does: reads its ticket, claims it, starts it. */
  async pull(number: number): Promise<PulledRequest> {
    const ticket = Buffer.alloc(TICKET_BYTES);
    await this.#alive(() => this.#readTicket(ticket));
    const [slot, headBytes, id] = [ticket.readUInt32LE(0), ticket.readUInt32LE(4), ticket.readUInt32LE(8)];
    const word = Buffer.alloc(4);
    word.writeUInt32LE(number);
    writeSync(this.#slots, word, 0, 4, slot * SLOT_BYTES + CLAIM_OFFSET);
    word.writeUInt32LE((Number(process.hrtime.bigint() / 1_000_000n) | 1) >>> 0);
    writeSync(this.#slots, word, 0, 4, slot * SLOT_BYTES + STARTED_OFFSET);
    const head = Buffer.alloc(headBytes);
    readSync(this.#slots, head, 0, headBytes, slot * SLOT_BYTES + 16);
    return { id, head: head.toString("latin1") };
  }

  /** @returns false when the pipe is empty. Void tickets are only wake-ups. */
  #readTicket(into: Buffer): boolean {
    try {
      return readSync(this.#tickets, into) === TICKET_BYTES && into.readUInt32LE(8) !== 0;
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
      return false;
    }
  }

  /** Pulls the next request and answers it with `text`. @returns Its marshalled head. */
  async serve({ worker, number }: { worker: FakeWorker; number: number }, text: string): Promise<string> {
    const { id, head } = await this.pull(number);
    worker.send(FROM_WORKER.response, id, { status: "200 OK", head: "", contentLength: text.length, body: text });
    return head;
  }

  // --- the clients' side -------------------------------------------------------------------------------------------

  async client({ port }: BoundSocket): Promise<GatewayClient> {
    const socket = connect(port, "127.0.0.1");
    this.#t.after(() => socket.destroy());
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new GatewayClient(socket);
  }
}

/** A gateway that is up, with one listener. @param words  Its command line. */
export async function up(t: TestContext, words: readonly string[] = []): Promise<{ gateway: GatewayProcess; socket: BoundSocket }> {
  const gateway = new GatewayProcess(t);
  const socket = bindLoopback(t);
  gateway.configure(words);
  gateway.listen(socket);
  await gateway.hears("up");
  return { gateway, socket };
}

export class GatewayClient {
  readonly socket: Socket;
  text = "";
  ended = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.text += bytes.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.ended = true;
    });
  }

  get(path: string): this {
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
    return this;
  }

  async sees(text: string): Promise<void> {
    await until(() => this.text.includes(text) || this.ended);
    assert.ok(this.text.includes(text), `the connection ended behind ${JSON.stringify(this.text)}`);
  }
}
