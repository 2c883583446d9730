/** A client of large bodies: sends and receives in pieces, keeps none, and hashes what it receives. */

import { createHash } from "node:crypto";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { connect } from "node:http2";
import type { Readable, Writable } from "node:stream";
import { CA } from "./certificates.ts";
import { withDeadline } from "./deadline.ts";

/** As in apps/large.py. */
export const BLOCK_BYTES = 65536;
const NUMBER_BYTES = 16;
const PADDING = Buffer.from(Array.from({ length: BLOCK_BYTES - NUMBER_BYTES }, (_, at) => (at < BLOCK_BYTES - 256 ? at % 256 : 0)));

/** One numbered block: a block that is lost, doubled or out of its place changes the digest. */
function block(number: number): Buffer {
  return Buffer.concat([Buffer.from(String(number).padStart(NUMBER_BYTES, "0")), PADDING]);
}

export function digestOfBlocks(blocks: number): string {
  const hash = createHash("sha1");
  for (let number = 0; number < blocks; number++) hash.update(block(number));
  return hash.digest("hex");
}

export interface Transfer {
  readonly port: number;
  readonly target: string;
  /** Size of the upload; undefined: a GET. */
  readonly blocks?: number;
  readonly chunked?: boolean;
  /** By HTTP/2 over TLS, a connection of its own. */
  readonly http2?: boolean;
  /** Awaited when half of the upload has been given to the socket. */
  readonly amidUpload?: () => Promise<void>;
  /** Awaited when the first bytes of the response's body have come; no more are read meanwhile. */
  readonly amidResponse?: () => Promise<void>;
}

export interface Received {
  readonly status: number;
  readonly contentLength: string | undefined;
  readonly bytes: number;
  readonly digest: string;
  /** The body's beginning, at most 100 characters. */
  readonly start: string;
}

const START_CHARACTERS = 100;

/** Sends one request and reads its response while it sends. Rejects when the response ends too early. */
export function transfer(options: Transfer): Promise<Received> {
  return new Promise((resolve, reject) => {
    const outgoing = options.http2 ? requestByHttp2(options, resolve, reject) : requestByHttp1(options, resolve, reject);
    outgoing.on("error", reject);
    send(options, outgoing).catch(reject);
  });
}

type Resolve = (received: Received) => void;
type Reject = (error: unknown) => void;

function requestByHttp1(options: Transfer, resolve: Resolve, reject: Reject): ClientRequest {
  const { port, target: path } = options;
  const headers = { ...framing(options), Connection: "close" };
  const outgoing = request({ port, host: "127.0.0.1", path, method: methodOf(options), headers, agent: false });
  return outgoing.on("response", (incoming: IncomingMessage) => {
    const { statusCode: status = 0, headers } = incoming;
    receive(options, incoming, { status, contentLength: headers["content-length"] }, resolve, reject);
  });
}

function requestByHttp2(options: Transfer, resolve: Resolve, reject: Reject): Writable {
  const session = connect(`https://127.0.0.1:${options.port}`, { ca: CA }).on("error", reject);
  const stream = session.request(
    { ":path": options.target, ":method": methodOf(options), ...framing(options) },
    { endStream: options.blocks === undefined },
  );
  stream.on("response", (head) => {
    receive(options, stream, { status: Number(head[":status"]), contentLength: head["content-length"] }, resolve, reject);
  });
  return stream.on("close", () => session.close());
}

function methodOf({ blocks }: Transfer): string {
  return blocks === undefined ? "GET" : "POST";
}

function framing({ blocks, chunked }: Transfer): Record<string, number> {
  return blocks === undefined || chunked ? {} : { "Content-Length": blocks * BLOCK_BYTES };
}

function receive(
  { amidResponse }: Transfer,
  incoming: Readable,
  head: Pick<Received, "status" | "contentLength">,
  resolve: Resolve,
  reject: Reject,
): void {
  const hash = createHash("sha1");
  let bytes = 0;
  let start = "";
  incoming.on("data", (chunk: Buffer) => {
    if (bytes === 0 && amidResponse !== undefined) {
      incoming.pause();
      amidResponse().then(() => incoming.resume(), reject);
    }
    bytes += chunk.length;
    if (start.length < START_CHARACTERS) start += chunk.subarray(0, START_CHARACTERS - start.length).toString("latin1");
    hash.update(chunk);
  });
  incoming.on("error", reject);
  incoming.on("end", () => resolve({ ...head, bytes, digest: hash.digest("hex"), start }));
}

async function send({ blocks, amidUpload }: Transfer, outgoing: Writable | ClientRequest): Promise<void> {
  for (let number = 0; number < (blocks ?? 0); number++) {
    if (number === Math.floor((blocks ?? 0) / 2)) await amidUpload?.();
    if (outgoing.destroyed) return;
    if (!outgoing.write(block(number))) await withDeadline("sending", (resolve) => outgoing.once("drain", () => resolve(undefined)));
  }
  if (!outgoing.writableEnded) outgoing.end();
}
