import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ServiceNotifier } from "../../src/arbiter/service-notifier.ts";

const O_RDWR_NONBLOCK = 0o2 | 0o4000;
const PIPE_BYTES = 65536;

/** A pipe with a name stands for the socket: writes to it do not block either. What datagrams are is for the tests of whole servers. */
function openPipe(t: TestContext): number {
  const folder = mkdtempSync(join(tmpdir(), "tunicorn-notify-"));
  // It is not closed: the watchdog goes on as long as the process, and would write into whatever got the number next.
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "pipe");
  assert.equal(spawnSync("mkfifo", [path]).status, 0);
  return openSync(path, O_RDWR_NONBLOCK);
}

/** Reads until it ends so. */
async function readTo(fd: number, end: string): Promise<string> {
  const buffer = Buffer.alloc(PIPE_BYTES);
  for (let text = ""; ; ) {
    try {
      text += buffer.latin1Slice(0, readSync(fd, buffer));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
    }
    if (text.endsWith(end)) return text;
    await new Promise((fulfil) => setTimeout(fulfil, 5));
  }
}

test("notes are written as they come; the watchdog begins with the first one that says ready", async (t) => {
  const fd = openPipe(t);
  const notifier = new ServiceNotifier({ connection: fd, watchdogMs: 20 }, assert.fail);
  notifier.tell("handed-over", 77);
  notifier.tell("booted");
  notifier.tell("booted");
  const ready = "READY=1\nSTATUS=Gunicorn arbiter booted";
  assert.ok((await readTo(fd, "WATCHDOG=1")).startsWith(`MAINPID=77${ready}${ready}WATCHDOG=1`));
  assert.match(await readTo(fd, "WATCHDOG=1"), /^(WATCHDOG=1)+$/);
});

test("a service manager that does not read gets the latest notes when it does", async (t) => {
  const fd = openPipe(t);
  const filler = "x".repeat(PIPE_BYTES);
  writeSync(fd, filler);
  const notifier = new ServiceNotifier({ connection: fd, watchdogMs: undefined }, assert.fail);
  for (let pid = 1; pid <= 20; pid += 1) notifier.tell("handed-over", pid);
  const told = Array.from({ length: 16 }, (_, index) => `MAINPID=${index + 5}`).join("");
  assert.equal(await readTo(fd, "MAINPID=20"), filler + told);
});

test("nobody to tell, no way to tell, a way that is broken", () => {
  const failures: string[] = [];
  new ServiceNotifier(undefined, (detail) => failures.push(detail)).tell("booted");
  new ServiceNotifier({ connection: "no python3", watchdogMs: 1 }, (detail) => failures.push(detail)).tell("booted");
  assert.deepEqual(failures, ["no python3"]);
  const broken = new ServiceNotifier({ connection: 2 ** 20, watchdogMs: undefined }, (detail) => failures.push(detail));
  for (let count = 0; count < 3; count += 1) broken.tell("booted");
  assert.equal(failures.length, 2);
  assert.match(failures[1] ?? "", /EBADF/);
});
