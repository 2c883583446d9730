/** Large uploads and downloads, whole and with bounded memory: cases of one size, for the ordinary tests and for the soak. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { closeSync, createReadStream, ftruncateSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TLS_SERVER } from "./certificates.ts";
import { Server, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";
import { ask, openSession } from "./http2-client.ts";
import { BLOCK_BYTES, digestOfBlocks, type Received, type Transfer, transfer } from "./large-body-client.ts";
import { watchMemory } from "./peak-memory.ts";

/**
 * What any process may take above its idle size, whatever the body's. The gateway holds under 3 MB for one request; the rest is
 * buffers that nobody uses any more: V8 collects the young ones at 32 MB and the others at 64 MB [measured, full duplex: 110 MB
 * after 2 GB, and no more after 8 GB; one way: 40 to 70 MB].
 */
const GROWTH_BYTES_MAX = 128 * 1024 * 1024;
const MIB = 1024 * 1024;

interface LargeCase {
  readonly name: string;
  /** More of the command line. */
  readonly flags?: readonly string[];
  readonly request: (blocks: number) => Omit<Transfer, "port" | "http2">;
  /** By HTTP/2 over TLS. */
  readonly http2?: true;
  /** What the response's body is. */
  readonly answer: "digest of the blocks" | "the blocks" | "the file";
  /** While the client stalls, the only worker must be free for others. */
  readonly stalls?: "amidUpload" | "amidResponse";
}

const CASES: readonly LargeCase[] = [
  { name: "an upload with Content-Length", request: (blocks) => ({ target: "/hash", blocks }), answer: "digest of the blocks" },
  { name: "a chunked upload", request: (blocks) => ({ target: "/hash", blocks, chunked: true }), answer: "digest of the blocks" },
  {
    name: "an upload that stalls",
    request: (blocks) => ({ target: "/hash", blocks }),
    answer: "digest of the blocks",
    stalls: "amidUpload",
  },
  {
    name: "an upload that the worker reads along with",
    flags: ["--no-request-buffering"],
    request: (blocks) => ({ target: "/hash", blocks }),
    answer: "digest of the blocks",
  },
  {
    name: "a generator with Content-Length",
    request: (blocks) => ({ target: `/generate?length=1&blocks=${blocks}` }),
    answer: "the blocks",
  },
  { name: "a generator, chunked", request: (blocks) => ({ target: `/generate?blocks=${blocks}` }), answer: "the blocks" },
  {
    name: "a generator whose client stalls",
    request: (blocks) => ({ target: `/generate?blocks=${blocks}` }),
    answer: "the blocks",
    stalls: "amidResponse",
  },
  { name: "a file that the gateway sends", request: () => ({ target: "/file?length=1" }), answer: "the file" },
  { name: "a file without Content-Length", request: () => ({ target: "/file" }), answer: "the file" },
  { name: "a file whose client stalls", request: () => ({ target: "/file?length=1" }), answer: "the file", stalls: "amidResponse" },
  { name: "a file without a descriptor", request: () => ({ target: "/file?plain=1" }), answer: "the file" },
  { name: "an echo", request: (blocks) => ({ target: "/echo", blocks, chunked: true }), answer: "the blocks" },
  {
    name: "an echo in full duplex",
    flags: ["--no-request-buffering"],
    request: (blocks) => ({ target: "/echo", blocks }),
    answer: "the blocks",
  },
  {
    name: "an upload by HTTP/2 that stalls",
    http2: true,
    request: (blocks) => ({ target: "/hash", blocks, chunked: true }),
    answer: "digest of the blocks",
    stalls: "amidUpload",
  },
  {
    name: "a generator by HTTP/2 whose client stalls",
    http2: true,
    request: (blocks) => ({ target: `/generate?blocks=${blocks}` }),
    answer: "the blocks",
    stalls: "amidResponse",
  },
  {
    name: "an echo by HTTP/2 in full duplex",
    http2: true,
    flags: ["--no-request-buffering"],
    request: (blocks) => ({ target: "/echo", blocks }),
    answer: "the blocks",
  },
];

/** @param sizeBytes  Of every body, a multiple of 1 MiB. */
export function testLargeBodies(sizeBytes: number): void {
  const blocks = sizeBytes / BLOCK_BYTES;
  const size = `${sizeBytes / MIB} MiB`;
  for (const { name, flags = [], request, answer, stalls, http2 } of CASES) {
    test(`${name}: ${size} whole, and no process grows by ${GROWTH_BYTES_MAX / MIB} MiB`, async (t) => {
      const file = join(temporaryFolder(t), "sparse");
      if (answer === "the file") makeSparseFile(file, sizeBytes);
      // One worker: if it is held, nobody else is answered. The times and limits are out of the way of slow machines and large sizes.
      const limits = ["--body-wait", "100000", "--response-spool-limit", String(2 * sizeBytes), "--timeout", "0"];
      const protocol = http2 ? [...TLS_SERVER, "--http-protocols", "h2"] : [];
      const args = ["large", "-w", "1", ...limits, ...protocol, ...flags];
      const server = await Server.start(t, "tunicorn", { args, env: { LARGE_FILE: file } });
      const hello = http2
        ? () => ask(openSession(t, `https://127.0.0.1:${server.address}`), { ":path": "/" })
        : () => server.exchange(get("/"));
      const othersAreServed = async () => assert.equal((await hello()).body, "hello\n");
      await othersAreServed();

      const grown = watchMemory(server);
      const received = await transfer({
        port: Number(server.address),
        ...request(blocks),
        ...(http2 === undefined ? {} : { http2 }),
        ...(stalls === undefined ? {} : { [stalls]: othersAreServed }),
      });
      const processes = grown();
      const shown = processes.map(({ role, idleBytes, grownBytes }) => `${role} ${mib(idleBytes)} + ${mib(grownBytes)}`);
      t.diagnostic(`${name}, ${size}, memory idle and grown: ${shown.join(", ")}`);
      for (const { role, grownBytes } of processes) assert.ok(grownBytes < GROWTH_BYTES_MAX, `${role} grew by ${mib(grownBytes)}`);
      await check(received, answer, sizeBytes, file);
      await othersAreServed();
    });
  }
}

async function check(received: Received, answer: LargeCase["answer"], sizeBytes: number, file: string): Promise<void> {
  assert.equal(received.status, 200, received.start);
  if (answer === "digest of the blocks") {
    assert.equal(received.start, digestOfBlocks(sizeBytes / BLOCK_BYTES));
    return;
  }
  assert.equal(received.bytes, sizeBytes);
  assert.equal(received.digest, answer === "the file" ? await digestOfFile(file) : digestOfBlocks(sizeBytes / BLOCK_BYTES));
}

/** A file that takes no room on the disk, with marks at its beginning, middle and end. */
function makeSparseFile(path: string, sizeBytes: number): void {
  const fd = openSync(path, "w");
  ftruncateSync(fd, sizeBytes);
  const MARK = "mark";
  for (const at of [0, sizeBytes / 2, sizeBytes - MARK.length]) writeSync(fd, MARK, at);
  closeSync(fd);
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash("sha1");
  for await (const chunk of createReadStream(path, { highWaterMark: MIB })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
