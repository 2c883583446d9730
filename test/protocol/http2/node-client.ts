/** Node's own HTTP/2 client, joined to the engine in memory: an independent implementation of every frame and of HPACK. */

import { type ClientHttp2Session, connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";
import { Duplex } from "node:stream";
import type { EncodedField } from "../../../src/protocol/hpack/encoded-field.ts";
import { type ConnectionEnd, Http2Engine, type Http2Handler } from "../../../src/protocol/http2/engine.ts";
import { OutputPool } from "../../../src/protocol/http2/output-pool.ts";
import type { Http2Policy } from "../../../src/protocol/http2/policy.ts";
import type { Http2Stream } from "../../../src/protocol/http2/stream.ts";
import type { ProtocolError } from "../../../src/request/protocol-error.ts";
import type { RequestHead } from "../../../src/request/request-head.ts";
import { PEER, policy } from "./harness.ts";

/** Pieces on the way to a client that does not keep up: beyond them bodies wait. */
const PIECES_MAX = 4;

export type OnRequest = (stream: Http2Stream, head: RequestHead) => void;

/** What a client got for one request. */
export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders | undefined;
}

export class NodeClient implements Http2Handler {
  readonly session: ClientHttp2Session;
  readonly connection: Http2Engine;
  end: ConnectionEnd | undefined;
  readonly #onRequest: OnRequest;
  readonly #pipe: Duplex;
  /** On the way to the client, which gets one piece a turn when it asks: fed from within its own calls it fails an assertion in C++. */
  readonly #onTheWay: Buffer[] = [];
  #asked = false;

  constructor(onRequest: OnRequest, rules: Http2Policy = policy(), settings: Parameters<ClientHttp2Session["settings"]>[0] = {}) {
    this.#onRequest = onRequest;
    this.#pipe = new Duplex({
      read: () => {
        this.#asked = true;
        setImmediate(() => this.#deliver());
      },
      write: (chunk: Buffer, _encoding, done) => {
        this.connection.receive(chunk, 0);
        done();
      },
    });
    this.connection = new Http2Engine(rules, PEER, this, new OutputPool());
    this.session = connect("http://h", { createConnection: () => this.#pipe, settings });
    this.session.on("error", () => {});
  }

  write(bytes: Buffer): boolean {
    this.#onTheWay.push(Buffer.from(bytes));
    setImmediate(() => this.#deliver());
    return this.#onTheWay.length < PIECES_MAX;
  }

  #deliver(): void {
    if (!this.#asked) return;
    const piece = this.#onTheWay.shift();
    if (piece === undefined) {
      if (this.end !== undefined) this.#pipe.push(null);
      return;
    }
    this.#asked = false;
    this.#pipe.push(piece);
    if (this.#onTheWay.length === 0) this.connection.drained();
  }

  wantsFlush(): void {
    setImmediate(() => this.connection.flush());
  }

  onRequest(stream: Http2Stream, head: RequestHead): void {
    this.#onRequest(stream, head);
  }

  onRefusal(stream: Http2Stream, error: ProtocolError): void {
    stream.respond(400, [], Buffer.from(error.message));
  }

  onEnd(end: ConnectionEnd): void {
    this.end = end;
    setImmediate(() => this.#deliver());
  }

  /** Sends a request and waits for its whole answer. */
  ask(headers: OutgoingHttpHeaders, body?: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = this.session.request(headers, { endStream: body === undefined });
      const chunks: Buffer[] = [];
      let got: IncomingHttpHeaders & { ":status"?: number | undefined } = {};
      let trailers: IncomingHttpHeaders | undefined;
      request.on("response", (response) => {
        got = response;
      });
      request.on("trailers", (fields) => {
        trailers = fields;
      });
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => resolve({ status: got[":status"], headers: got, body: Buffer.concat(chunks), trailers }));
      request.on("error", reject);
      if (body !== undefined) request.end(body);
    });
  }

  close(): void {
    this.session.destroy();
    this.connection.clientLeft();
  }
}

/** Answers with what came: the body as it was, the fields given. */
export function echo(stream: Http2Stream, fields: readonly EncodedField[]): void {
  const chunks: Buffer[] = [];
  const answer = () => stream.respond(200, fields, Buffer.concat(chunks));
  if (stream.requestEnded) {
    answer();
    return;
  }
  stream.reader = {
    onBody: (chunk) => {
      chunks.push(chunk);
      stream.consumed(chunk.length);
    },
    onBodyEnd: answer,
    onLeft: () => {},
  };
}
