import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { openSync, readlinkSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FileSender, openReferencedFile } from "../../src/gateway/file-sender.ts";
import { MemoryExchange, requestHead } from "./memory-exchange.ts";
import { descriptorsBelow, temporaryDirectory, until } from "./spool-directory.ts";

const HEAD = { status: "200 OK", fieldLines: "", contentLength: undefined, close: false };

function exchange(takes = Number.POSITIVE_INFINITY): MemoryExchange {
  const made = new MemoryExchange(requestHead("GET", "/"), { takes });
  made.start(HEAD);
  return made;
}

function file(directory: string, bytes: number): { path: string; content: Buffer } {
  const path = join(directory, "file");
  const content = Buffer.from(Array.from({ length: bytes }, (_, i) => i % 251));
  writeFileSync(path, content);
  return { path, content };
}

test("a part of a file is sent, and the file closed", async (t) => {
  const directory = temporaryDirectory(t);
  const { path, content } = file(directory, 700_000);
  const client = exchange();
  new FileSender(client, openSync(path, "r"), 1_000, 600_000);
  await until(() => client.ending !== "open");
  assert.equal(client.ending, "complete");
  assert.ok(client.received.equals(content.subarray(1_000, 601_000)));
  await until(() => descriptorsBelow(directory, readlinkSync) === 0);
});

test("no byte at all is a complete response", async (t) => {
  const directory = temporaryDirectory(t);
  const client = exchange();
  new FileSender(client, openSync(file(directory, 10).path, "r"), 5, 0);
  assert.equal(client.ending, "complete");
  await until(() => descriptorsBelow(directory, readlinkSync) === 0);
});

test("a slow client is waited for: only so much is read ahead", async (t) => {
  const directory = temporaryDirectory(t);
  const { path, content } = file(directory, 2_000_000);
  const client = exchange(0);
  new FileSender(client, openSync(path, "r"), 0, content.length);
  while (client.ending === "open") {
    await until(() => client.pendingBytes > 0 || client.ending !== "open");
    assert.ok(client.pendingBytes <= 262_144);
    client.take(100_000);
  }
  assert.ok(client.received.equals(content));
  await until(() => descriptorsBelow(directory, readlinkSync) === 0);
});

test("a file that is shorter than promised cuts the response", async (t) => {
  const directory = temporaryDirectory(t);
  const { path } = file(directory, 500_000);
  const client = exchange(0);
  new FileSender(client, openSync(path, "r"), 0, 500_000);
  await until(() => client.pendingBytes > 0);
  truncateSync(path, 300_000);
  client.take(1_000_000);
  await until(() => client.ending !== "open");
  assert.equal(client.ending, "cut");
  await until(() => descriptorsBelow(directory, readlinkSync) === 0);
});

test("discard closes the file, also while it is being read", async (t) => {
  const directory = temporaryDirectory(t);
  const client = exchange();
  const sender = new FileSender(client, openSync(file(directory, 500_000).path, "r"), 0, 500_000);
  sender.discard();
  sender.discard();
  await until(() => descriptorsBelow(directory, readlinkSync) === 0);
  assert.equal(client.received.length, 0);
  assert.equal(client.ending, "open");
});

test("openReferencedFile opens the file that was meant, and no other", async (t) => {
  const directory = temporaryDirectory(t);
  const { path } = file(directory, 10);
  const pipe = join(directory, "pipe");
  execFileSync("mkfifo", [pipe]);
  const { dev: device, ino: inode } = statSync(path, { bigint: true });
  const pipeInode = statSync(pipe, { bigint: true }).ino;
  const opens = (reference: { path: string; device: bigint; inode: bigint }) =>
    new Promise<boolean>((resolve) => openReferencedFile({ ...reference, offset: 0, bytes: 1 }, (fd) => resolve(fd !== undefined)));
  const CASES = [
    { name: "another inode", reference: { path, device, inode: inode + 1n } },
    { name: "another device", reference: { path, device: device + 1n, inode } },
    { name: "a missing path", reference: { path: `${path}x`, device, inode } },
    { name: "a path with NUL, which Node refuses by an exception", reference: { path: `${path}\0`, device, inode } },
    { name: "a directory", reference: { path: directory, device, inode: statSync(directory, { bigint: true }).ino } },
    { name: "a pipe, whose opening would wait for a writer", reference: { path: pipe, device, inode: pipeInode } },
  ];
  for (const { name, reference } of CASES) {
    await t.test(`not ${name}`, async () => assert.equal(await opens(reference), false));
  }
  await until(() => descriptorsBelow(directory, readlinkSync) === 0);
  assert.equal(await opens({ path, device, inode }), true);
});
