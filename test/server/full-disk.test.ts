import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { Server, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";
import { BLOCK_BYTES, digestOfBlocks, transfer } from "./large-body-client.ts";
import { SmallDisk } from "./small-disk.ts";

const MIB = 1024 * 1024;
const DISK_BYTES = 16 * MIB;
/** Four times the disk, and more than the kernel's buffers of a connection can take besides. */
const TOO_MANY_BLOCKS = (4 * DISK_BYTES) / BLOCK_BYTES;
const FITTING_BLOCKS = (DISK_BYTES * 3) / 4 / BLOCK_BYTES;
const WARNING = /\[WARNING\] cannot spool to (\S+): ENOSPC: no space left on device; .*: make room there, or set tmp_upload_dir$/;

async function serverOn(t: TestContext, disk: SmallDisk): Promise<Server> {
  // tmp_upload_dir has no flag.
  const config = join(temporaryFolder(t), "gunicorn.conf.py");
  writeFileSync(config, `tmp_upload_dir = ${JSON.stringify(disk.path)}\n`);
  const args = ["large", "-w", "1", "-c", config, "--body-wait", "100000", "--timeout", "0"];
  const server = await Server.start(t, "tunicorn", { args, through: disk.through });
  disk.watch(server);
  return server;
}

/** The only worker is free: another request is answered. */
async function othersAreServed(server: Server): Promise<void> {
  assert.equal((await server.exchange(get("/"))).body, "hello\n");
}

async function allSpoolsAreGone(disk: SmallDisk): Promise<void> {
  await waitUntil("waiting for the spools to be given back", () => disk.spoolFiles() === 0 && disk.usedBytes === 0);
}

test("uploads fill the disk: each goes on and is whole, one warning, nothing is left, and the disk is used again", async (t) => {
  const disk = new SmallDisk(t, DISK_BYTES);
  const server = await serverOn(t, disk);
  const port = Number(server.address);
  const uploads = [true, false, true, false].map((chunked) => transfer({ port, target: "/hash", blocks: TOO_MANY_BLOCKS, chunked }));
  for (const { status, start } of await Promise.all(uploads)) {
    assert.equal(status, 200);
    assert.equal(start, digestOfBlocks(TOO_MANY_BLOCKS));
  }
  const [, directory] = await server.waitForLine(WARNING);
  assert.equal(directory, disk.path);
  await allSpoolsAreGone(disk);

  const next = await transfer({
    port,
    target: "/hash",
    blocks: FITTING_BLOCKS,
    amidUpload: async () => {
      await waitUntil("waiting for the upload to be on the disk", () => disk.spoolFiles() === 1 && disk.usedBytes > 0);
      await othersAreServed(server);
    },
  });
  assert.equal(next.start, digestOfBlocks(FITTING_BLOCKS));
  await allSpoolsAreGone(disk);
  assert.equal(server.countLines(WARNING), 1);
});

test("a disk without a free byte: uploads go straight through", async (t) => {
  const disk = new SmallDisk(t, DISK_BYTES);
  const server = await serverOn(t, disk);
  disk.fill();
  const port = Number(server.address);
  for (const chunked of [true, false]) {
    const { status, start } = await transfer({ port, target: "/hash", blocks: FITTING_BLOCKS, chunked });
    assert.deepEqual([status, start], [200, digestOfBlocks(FITTING_BLOCKS)]);
  }
  await waitUntil("waiting for the spools to be given back", () => disk.spoolFiles() === 0);
  assert.equal(server.countLines(WARNING), 1);
});

test("a response fills the disk: it goes on and is whole, one warning, nothing is left, and the disk is used again", async (t) => {
  const disk = new SmallDisk(t, DISK_BYTES);
  const server = await serverOn(t, disk);
  const port = Number(server.address);
  for (const target of [`/generate?length=1&blocks=${TOO_MANY_BLOCKS}`, `/generate?blocks=${TOO_MANY_BLOCKS}`]) {
    const received = await transfer({
      port,
      target,
      amidResponse: async () => {
        await server.waitForLine(WARNING);
        await waitUntil("waiting for the disk to be full", () => disk.usedBytes === DISK_BYTES);
      },
    });
    assert.equal(received.digest, digestOfBlocks(TOO_MANY_BLOCKS));
    await allSpoolsAreGone(disk);
  }

  const next = await transfer({
    port,
    target: `/generate?blocks=${FITTING_BLOCKS}`,
    amidResponse: async () => {
      await waitUntil("waiting for the response to be on the disk", () => disk.usedBytes > 0);
      await othersAreServed(server);
    },
  });
  assert.equal(next.digest, digestOfBlocks(FITTING_BLOCKS));
  await allSpoolsAreGone(disk);
  assert.equal(server.countLines(WARNING), 1);
});

test("logs on a full disk: lines are lost, nothing else, and they are written again once there is room", async (t) => {
  const disk = new SmallDisk(t, DISK_BYTES);
  const socket = join(temporaryFolder(t), "socket");
  const logs = ["--error-logfile", join(disk.path, "error.log"), "--access-logfile", join(disk.path, "access.log")];
  const args = ["cases", "-w", "2", ...logs];
  const server = Server.spawn(t, "tunicorn", { args, through: disk.through, bind: `unix:${socket}` });
  disk.watch(server);
  await waitUntil(
    "waiting for a worker",
    () => existsSync(disk.seen("error.log")) && readLog(disk, "error.log").includes("Booting worker"),
  );
  server.address = socket;
  await server.exchange(get("/?before"));
  await waitUntil("waiting for the access line", () => readLog(disk, "access.log").includes("/?before"));

  await waitUntil("waiting for both workers", () => server.workers().length === 2);
  disk.fill();
  const [gateway, nursery, before] = [server.gateway(), server.nursery(), server.workers()];
  // More lines than the last page of each file has room for.
  for (let n = 0; n < 200; n++) {
    assert.equal((await server.exchange(get(`/?lost=${n}`))).body, "hello\n");
    assert.equal((await server.exchange(get("/raises"))).status, 500);
    assert.equal((await server.exchange(get("/talks"))).body, "talked");
    assert.equal((await server.exchange("get / HTTP/1.1\r\n\r\n")).status, 400);
  }
  assert.deepEqual([server.gateway(), server.nursery(), server.workers()], [gateway, nursery, before]);
  server.signal("SIGUSR1");
  server.signal("SIGHUP");
  await waitUntil("waiting for two new workers", async () => {
    assert.equal((await server.exchange(get("/"))).body, "hello\n");
    const workers = server.workers();
    return workers.length === 2 && !workers.some((pid) => before.includes(pid));
  });

  disk.empty();
  await server.exchange(get("/?after"));
  await server.exchange(get("/raises?after"));
  await waitUntil("waiting for the access line", () => readLog(disk, "access.log").includes("GET /?after "));
  await waitUntil("waiting for the traceback", () =>
    /Error handling request GET \/raises\?after\nTraceback/.test(readLog(disk, "error.log")),
  );
  // The line that met the end of the disk may be cut, but the next one begins at a line's beginning.
  assert.match(readLog(disk, "access.log"), /^ - - \[[^\n]*"GET \/\?after HTTP\/1\.1" 200 6 /m);
  assert.deepEqual([server.gateway(), server.nursery()], [gateway, nursery]);
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});

function readLog(disk: SmallDisk, name: string): string {
  return readFileSync(disk.seen(name), "latin1");
}
