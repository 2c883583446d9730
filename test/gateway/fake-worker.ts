/** A worker's end of its channel, in this process: frames in, frames out, over a real socket. */

import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { HAS_CONTENT_LENGTH, TO_WORKER } from "../../src/wire/frame-types.ts";
import { until } from "./spool-directory.ts";

interface WithHandle {
  _handle: unknown;
}

/** A frame that the gateway sent. */
export interface ReceivedFrame {
  readonly type: number;
  readonly stream: number;
  readonly flags: number;
  readonly payload: Buffer;
}

export class FakeWorker {
  /** The gateway's end, as Node would have received it from the nursery. */
  readonly gatewayHandle: unknown;
  readonly received: ReceivedFrame[] = [];
  ended = false;
  readonly #socket: Socket;
  #rest = Buffer.alloc(0);

  private constructor(socket: Socket, gatewayHandle: unknown) {
    this.#socket = socket;
    this.gatewayHandle = gatewayHandle;
    socket.on("data", (bytes: Buffer) => this.#receive(bytes));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.ended = true;
    });
  }

  static async connect(t: TestContext, directory: string): Promise<FakeWorker> {
    const path = join(directory, `channel-${Math.random().toString(36).slice(2)}`);
    const server = createServer({ pauseOnConnect: true });
    const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const client = connect(path);
    await new Promise<void>((resolve) => client.once("connect", resolve));
    const gatewayEnd = (await accepted) as Socket & WithHandle;
    server.close();
    const handle = gatewayEnd._handle;
    gatewayEnd._handle = null;
    t.after(() => client.destroy());
    return new FakeWorker(client, handle);
  }

  #receive(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 16 && this.#rest.length >= this.#rest.readUInt32LE(0)) {
      const frame = this.#rest.subarray(0, this.#rest.readUInt32LE(0));
      this.received.push({ type: frame[8]!, stream: frame.readUInt32LE(4), flags: frame[9]!, payload: Buffer.from(frame.subarray(16)) });
      this.#rest = this.#rest.subarray(frame.length);
    }
  }

  /** Sends a frame. `contentLength` sets its flag. */
  send(type: number, stream: number, { flags = 0, status = "", head = "", contentLength, body = "" }: FrameParts = {}): void {
    this.sendRaw(encodeFrame(type, stream, { flags, status, head, contentLength, body }));
  }

  sendRaw(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Grants body bytes, or the like: a frame whose payload is a number. */
  sendUInt32(type: number, stream: number, value: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32LE(value);
    this.send(type, stream, { body: payload });
  }

  /** Waits for a frame and takes it, and those before it, off `received`. */
  async next(type: number): Promise<ReceivedFrame> {
    await until(() => this.received.some((frame) => frame.type === type));
    const index = this.received.findIndex((frame) => frame.type === type);
    return this.received.splice(0, index + 1).at(-1)!;
  }

  /** Body bytes of a stream up to its end. @returns short: the client closed early. */
  async readBody(stream: number): Promise<{ body: Buffer; short: boolean }> {
    await until(() => this.received.some((frame) => frame.type === TO_WORKER.bodyEnd && frame.stream === stream));
    const frames = this.received.filter((frame) => frame.stream === stream);
    const body = Buffer.concat(frames.filter(({ type }) => type === TO_WORKER.body).map(({ payload }) => payload));
    return { body, short: frames.find(({ type }) => type === TO_WORKER.bodyEnd)?.flags === 1 };
  }

  /** kill -9, before the next line: what the kernel has of it is still there to be read. */
  kill(): void {
    this.#socket.destroy();
  }

  /** Its process ends once everything that it has sent is with the kernel. */
  die(): void {
    this.#socket.end();
    this.#socket.destroySoon();
  }
}

interface FrameParts {
  readonly flags?: number;
  readonly status?: string;
  readonly head?: string;
  readonly contentLength?: number | undefined;
  readonly body?: string | Buffer;
}

function encodeFrame(type: number, stream: number, { flags = 0, status = "", head = "", contentLength, body = "" }: FrameParts): Buffer {
  const length = Buffer.alloc(contentLength === undefined ? 0 : 8);
  if (contentLength !== undefined) length.writeBigUInt64LE(BigInt(contentLength));
  const payload = Buffer.concat([Buffer.from(status + head, "latin1"), length, Buffer.from(body)]);
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + payload.length, 0);
  header.writeUInt32LE(stream, 4);
  header[8] = type;
  header[9] = flags | (contentLength === undefined ? 0 : HAS_CONTENT_LENGTH);
  header.writeUInt16LE(status.length, 10);
  header.writeUInt32LE(head.length, 12);
  return Buffer.concat([header, payload]);
}
