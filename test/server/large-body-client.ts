/** A client of large bodies: sends and receives in pieces, keeps none, and hashes what it receives. */

import { createHash } from "node:crypto";
import { request } from "node:http";
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
  const { port, target, blocks } = options;
  const framing = blocks === undefined || options.chunked ? {} : { "Content-Length": blocks * BLOCK_BYTES };
  const outgoing = request({
    port,
    host: "127.0.0.1",
    path: target,
    method: blocks === undefined ? "GET" : "POST",
    headers: { ...framing, Connection: "close" },
    agent: false,
  });
  return new Promise((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      const hash = createHash("sha1");
      let bytes = 0;
      let start = "";
      incoming.on("data", (chunk: Buffer) => {
        if (bytes === 0 && options.amidResponse !== undefined) {
          incoming.pause();
          options.amidResponse().then(() => incoming.resume(), reject);
        }
        bytes += chunk.length;
        if (start.length < START_CHARACTERS) start += chunk.subarray(0, START_CHARACTERS - start.length).toString("latin1");
        hash.update(chunk);
      });
      incoming.on("error", reject);
      incoming.on("end", () => {
        const { statusCode: status = 0, headers } = incoming;
        resolve({ status, contentLength: headers["content-length"], bytes, digest: hash.digest("hex"), start });
      });
    });
    send(options, outgoing).catch(reject);
  });
}

async function send({ blocks = 0, amidUpload }: Transfer, outgoing: ReturnType<typeof request>): Promise<void> {
  for (let number = 0; number < blocks; number++) {
    if (number === Math.floor(blocks / 2)) await amidUpload?.();
    if (outgoing.destroyed) return;
    if (!outgoing.write(block(number))) await withDeadline("sending", (resolve) => outgoing.once("drain", () => resolve(undefined)));
  }
  outgoing.end();
}
