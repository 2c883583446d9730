/** A request and the sink of its response, in memory: the second implementation of `RequestStream`, without protocol or socket. */

import assert from "node:assert/strict";
import type {
  BodyEnd,
  BodyReader,
  CompletionTaker,
  ConnectionTunnel,
  RequestStream,
  ResponseHead,
  ResponseSink,
  TunnelUser,
  WebsocketHandshake,
} from "../../src/request/exchange.ts";
import { headerName } from "../../src/request/header-name.ts";
import type { BodyFraming, Peer, RequestHead } from "../../src/request/request-head.ts";

export const PEER: Peer = {
  remoteAddress: "192.0.2.1",
  remotePort: 1,
  serverName: "0.0.0.0",
  serverPort: 80,
  trusted: false,
  secure: false,
};

/** @param fields  `[["Host", "h"]]` */
export function requestHead(
  method: string,
  path: string,
  framing: BodyFraming = { kind: "none" },
  fields: readonly (readonly [string, string])[] = [],
): RequestHead {
  return {
    peer: PEER,
    method,
    target: path,
    path,
    rawPath: path,
    query: "",
    protocol: "HTTP/1.1",
    scheme: "http",
    scriptName: undefined,
    names: fields.map(([name]) => headerName(name) ?? assert.fail()),
    values: fields.map(([, value]) => value),
    framing,
    expectsContinue: false,
    keepAlive: true,
  };
}

/** How the response ended. */
export type Ending = "open" | "complete" | "cut" | "refused" | "taken";

export class MemoryExchange implements RequestStream, ResponseSink {
  readonly head: RequestHead;
  readonly arrivedMs: number;
  workerPid: number | undefined;
  completionTaker: CompletionTaker | undefined;
  workerGeneration: number | undefined;
  startedMs: number | undefined;
  onClientLeft: (() => void) | undefined;
  onClientFin: (() => void) | undefined;
  /** Whether the body has been asked for. */
  bodyAllowed = false;
  /** Whether what still comes of the body is thrown away. */
  bodyDropped = false;
  trailerLines = "";
  withdraw: (() => boolean) | undefined;
  websocket: WebsocketHandshake | undefined;
  onDrain: (() => void) | undefined;
  /** What the client sees. */
  status = "";
  fieldLines = "";
  readonly hints: string[] = [];
  ending: Ending = "open";
  bodyPaused = false;
  /** Bytes that the client takes before it stalls; `take` gives it more. */
  #takes: number;
  #pending = 0;
  readonly #chunks: Buffer[] = [];
  #reader: BodyReader | undefined;

  /** @param takes  Bytes of the response that the client takes at once. */
  constructor(head: RequestHead, { takes = Number.POSITIVE_INFINITY, arrivedMs = 0 } = {}) {
    this.head = head;
    this.arrivedMs = arrivedMs;
    this.#takes = takes;
  }

  // --- the test's side ---------------------------------------------------------------------------------------------

  get sink(): ResponseSink {
    return this;
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  send(chunk: Buffer): void {
    this.#reader?.onChunk(chunk);
  }

  endBody(end: BodyEnd = "complete"): void {
    this.#reader?.onEnd(end);
  }

  /** The client takes so many bytes more. */
  take(bytes: number): void {
    this.#takes += bytes;
    const taken = Math.min(this.#pending, this.#takes);
    this.#takes -= taken;
    this.#pending -= taken;
    if (taken > 0 && this.#pending === 0 && this.ending === "open") this.onDrain?.();
  }

  leave(): void {
    if (this.ending === "open") this.onClientLeft?.();
  }

  // --- the inside's side -------------------------------------------------------------------------------------------

  readBody(reader: BodyReader): void {
    assert.equal(this.#reader, undefined, "the body is read once");
    this.#reader = reader;
  }

  allowBody(): void {
    this.bodyAllowed = true;
  }

  dropBody(): void {
    this.bodyDropped = true;
    this.bodyPaused = false;
    this.#reader = undefined;
  }

  pauseBody(): void {
    this.bodyPaused = true;
  }

  resumeBody(): void {
    this.bodyPaused = false;
  }

  /** Who has taken this exchange's connection over. */
  tunnelUser: TunnelUser | undefined;
  /** What the client was given through the tunnel. */
  tunnelled = "";

  takeOver(user: TunnelUser): ConnectionTunnel | undefined {
    if (this.ending !== "open" || this.started || this.tunnelUser !== undefined) return undefined;
    this.tunnelUser = user;
    const over = (ending: Ending) => () => {
      this.ending = ending;
    };
    const write = (bytes: Buffer | string) => {
      this.tunnelled += bytes;
      return true;
    };
    return { write, pause: () => {}, resume: () => {}, finishWriting: () => {}, end: over("taken"), cut: over("cut") };
  }

  /** The answer is in the tunnel: the sink ignores everything. */
  get #isMute(): boolean {
    return this.tunnelled !== "";
  }

  get started(): boolean {
    return this.status !== "";
  }

  get pendingBytes(): number {
    return this.#pending;
  }

  respond(head: ResponseHead, body: Buffer): void {
    this.start(head);
    this.body(Buffer.from(body));
    this.end();
  }

  informational(status: string, fieldLines: string): void {
    this.hints.push(`${status}\r\n${fieldLines}`);
  }

  start(head: ResponseHead): void {
    if (this.#isMute) return;
    assert.equal(this.status, "", "a response has one head");
    this.status = head.status;
    this.fieldLines = head.fieldLines;
  }

  body(chunk: Buffer): boolean {
    if (this.#isMute) return true;
    assert.ok(this.ending === "open" && this.started, "body bytes come between head and end");
    this.#chunks.push(chunk);
    const taken = Math.min(chunk.length, this.#takes);
    this.#takes -= taken;
    this.#pending += chunk.length - taken;
    return this.#pending === 0;
  }

  end(trailerLines = ""): void {
    if (this.#isMute) return;
    this.trailerLines = trailerLines;
    this.#finish("complete");
  }

  abort(): void {
    if (this.#isMute) return;
    this.#finish("cut");
  }

  refuse(status: number, reason: string, _text: string, extraFieldLines = ""): void {
    if (this.#isMute) return;
    assert.equal(this.status, "", "a response has one head");
    this.fieldLines = extraFieldLines;
    this.status = `${status} ${reason}`;
    this.#finish("refused");
  }

  #finish(ending: Ending): void {
    assert.equal(this.ending, "open", "a response ends once");
    this.ending = ending;
  }
}
