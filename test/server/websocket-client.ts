/** A WebSocket client that sends exactly the frames it is told to, right or wrong, and reads the server's strictly (RFC 6455). */

import assert from "node:assert/strict";
import { connect, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { withDeadline } from "./deadline.ts";

/** RFC 6455 §1.3's example: the proof for it is known. */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
export const PROOF = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

export const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10] as const;
const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

export interface FrameOptions {
  /** Default true. */
  readonly fin?: boolean;
  /** RSV1 to RSV3 as the bits 0x40, 0x20, 0x10. */
  readonly reserved?: number;
  /** Default true. */
  readonly masked?: boolean;
  /** How many bits say the length; default: as few as possible. */
  readonly lengthBits?: 7 | 16 | 64;
  /** What the head says instead of the payload's length. */
  readonly declaredBytes?: number;
}

/** A client's frame. @param payload  Text is sent as UTF-8. */
export function frame(opcode: number, payload: Buffer | string = "", options: FrameOptions = {}): Buffer {
  const bytes = Buffer.from(payload as string);
  const { fin = true, reserved = 0, masked = true, declaredBytes = bytes.length } = options;
  const lengthBits = options.lengthBits ?? (declaredBytes < 126 ? 7 : declaredBytes < 65536 ? 16 : 64);
  const maskBit = masked ? 0x80 : 0;
  const length = Buffer.alloc(lengthBits === 7 ? 1 : lengthBits === 16 ? 3 : 9);
  length[0] = maskBit | (lengthBits === 7 ? declaredBytes : lengthBits === 16 ? 126 : 127);
  if (lengthBits === 16) length.writeUInt16BE(declaredBytes, 1);
  if (lengthBits === 64) length.writeBigUInt64BE(BigInt(declaredBytes), 1);
  const body = masked ? Buffer.concat([MASK, bytes.map((byte, index) => byte ^ MASK[index % 4]!)]) : bytes;
  return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | reserved | opcode]), length, body]);
}

/** A close frame's payload. */
export function closePayload(code: number, reason: Buffer | string = ""): Buffer {
  const payload = Buffer.concat([Buffer.alloc(2), Buffer.from(reason as string)]);
  payload.writeUInt16BE(code, 0);
  return payload;
}

export function handshake(target: string, more = "", { version = "13", key = KEY } = {}): string {
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: ${version}\r\nSec-WebSocket-Key: ${key}\r\n`;
  return `GET ${target} HTTP/1.1\r\nHost: h\r\n${fields}${more}\r\n`;
}

export interface ReceivedFrame {
  readonly opcode: number;
  readonly fin: boolean;
  /** RSV1: the message is compressed. */
  readonly compressed: boolean;
  readonly payload: Buffer;
}

/** @typeParam S  What carries it: a connection, or a stream of one. */
export class WebsocketClient<S extends Duplex = Socket> {
  readonly socket: S;
  /** The answer to the handshake, up to its empty line. */
  head = "";
  #received = Buffer.alloc(0);
  #ended = false;
  #wake: (() => void) | undefined;

  /** @param socket  What follows is frames. */
  constructor(socket: S) {
    this.socket = socket;
    socket.on("data", (data: Buffer) => {
      this.#received = Buffer.concat([this.#received, data]);
      this.#wake?.();
    });
    for (const event of ["end", "error", "close"]) {
      socket.on(event, () => {
        this.#ended = true;
        this.#wake?.();
      });
    }
  }

  /** Connects and sends `request`, with what follows it in the same packet. */
  static async open(port: number | string, request: string, behind: Buffer = Buffer.alloc(0)): Promise<WebsocketClient> {
    const socket = connect(typeof port === "number" ? { port, host: "127.0.0.1" } : { path: port });
    await withDeadline(`connecting to ${port}`, (resolve, reject) => {
      socket.once("connect", () => resolve(undefined));
      socket.once("error", reject);
    });
    const client = new WebsocketClient(socket);
    socket.write(Buffer.concat([Buffer.from(request, "latin1"), behind]));
    const end = await client.#find("\r\n\r\n");
    client.head = client.#take(end + 4).latin1Slice();
    return client;
  }

  /** Opens a WebSocket; fails when the server does not. */
  static async accepted(port: number | string, target: string, more = ""): Promise<WebsocketClient> {
    const client = await WebsocketClient.open(port, handshake(target, more));
    assert.match(client.head, /^HTTP\/1\.1 101 /);
    return client;
  }

  send(...frames: Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  async sendBytewise(bytes: Buffer): Promise<void> {
    if (this.socket instanceof Socket) this.socket.setNoDelay(true);
    for (const byte of bytes) await new Promise<void>((resolve) => this.socket.write(Buffer.from([byte]), () => setImmediate(resolve)));
  }

  /** The server's next frame; undefined at the end of the connection. */
  async next(): Promise<ReceivedFrame | undefined> {
    while (!this.#frameIsHere()) {
      if (this.#ended) {
        assert.equal(this.#received.length, 0, "the connection ended inside a frame");
        return undefined;
      }
      await this.#more();
    }
    const [head = 0, second = 0] = this.#received;
    assert.equal(second & 0x80, 0, "a server masks nothing (RFC 6455 §5.1)");
    const { headBytes, payloadBytes } = this.#lengths()!;
    const payload = this.#take(headBytes + payloadBytes).subarray(headBytes);
    return { opcode: head & 15, fin: (head & 0x80) !== 0, compressed: (head & 0x40) !== 0, payload };
  }

  /** The next whole message as text; pings and the like must not come. */
  async message(): Promise<string> {
    return (await this.bytes()).toString();
  }

  async bytes(): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (;;) {
      const received = await this.next();
      assert.ok(received !== undefined, "the server closed");
      assert.equal(received.opcode, pieces.length === 0 ? received.opcode : CONTINUATION);
      assert.ok(received.opcode <= BINARY, `an unexpected frame: ${describe(received)}`);
      pieces.push(received.payload);
      if (received.fin) return Buffer.concat(pieces);
    }
  }

  /** All that still comes, up to the end of the connection: `["text hi", "close 1000 bye", "end"]`. */
  async rest(): Promise<string[]> {
    const seen: string[] = [];
    for (let received = await this.next(); received !== undefined; received = await this.next()) seen.push(describe(received));
    return [...seen, "end"];
  }

  /** The rest of an answer that is no WebSocket. */
  async body(): Promise<string> {
    while (!this.#ended) await this.#more();
    return this.#take(this.#received.length).latin1Slice();
  }

  close(): void {
    this.socket.destroy();
  }

  #lengths(): { headBytes: number; payloadBytes: number } | undefined {
    const bytes = this.#received;
    if (bytes.length < 2) return undefined;
    const short = bytes[1]! & 127;
    if (short < 126) return { headBytes: 2, payloadBytes: short };
    const headBytes = short === 126 ? 4 : 10;
    if (bytes.length < headBytes) return undefined;
    return { headBytes, payloadBytes: short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2)) };
  }

  #frameIsHere(): boolean {
    const lengths = this.#lengths();
    return lengths !== undefined && this.#received.length >= lengths.headBytes + lengths.payloadBytes;
  }

  async #find(text: string): Promise<number> {
    for (;;) {
      const at = this.#received.indexOf(text);
      if (at >= 0) return at;
      if (this.#ended) throw new Error(`the server closed after ${JSON.stringify(this.#received.latin1Slice())}`);
      await this.#more();
    }
  }

  #take(bytes: number): Buffer {
    const taken = Buffer.from(this.#received.subarray(0, bytes));
    this.#received = this.#received.subarray(bytes);
    return taken;
  }

  async #more(): Promise<void> {
    await withDeadline<void>("reading from the server", (resolve) => {
      this.#wake = () => resolve();
    });
  }
}

const NAMES: Readonly<Record<number, string>> = { 0: "continuation", 1: "text", 2: "binary", 9: "ping", 10: "pong" };

/** `"text hi"`, `"close 1000 bye"`; payloads as latin-1. */
export function describe({ opcode, payload }: ReceivedFrame): string {
  if (opcode !== CLOSE) return `${NAMES[opcode] ?? opcode} ${payload.latin1Slice()}`;
  return payload.length < 2 ? "close" : `close ${payload.readUInt16BE(0)} ${payload.toString("utf8", 2)}`.trimEnd();
}
