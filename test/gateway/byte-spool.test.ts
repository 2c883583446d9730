import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { ByteSpool, type SpoolLimits } from "../../src/gateway/byte-spool.ts";
import { descriptorsBelow, temporaryDirectory, unbounded, until } from "./spool-directory.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

function limits(directory: string, memoryBytes: number, fileBytes: number, maxBytes = Number.POSITIVE_INFINITY): SpoolLimits {
  return { memoryBytes, memoryBudget: unbounded(), fileBytes, directory, budget: { usedBytes: 0, maxBytes }, onDiskError: () => {} };
}

/** Bytes that show where they come from. */
function pattern(from: number, bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, (_, i) => (from + i) % 251));
}

const SIZES = [
  { name: "memory and file", memoryBytes: 1000, fileBytes: 5000 },
  { name: "a file smaller than a chunk", memoryBytes: 100, fileBytes: 70 },
  { name: "no memory", memoryBytes: 0, fileBytes: 5000 },
  { name: "no file", memoryBytes: 1000, fileBytes: 0 },
  { name: "neither", memoryBytes: 0, fileBytes: 0 },
  { name: "a directory that is missing", memoryBytes: 500, fileBytes: 5000, missing: true },
  { name: "a budget that is small", memoryBytes: 500, fileBytes: 5000, maxBytes: 600 },
];

for (const { name, memoryBytes, fileBytes, missing = false, maxBytes } of SIZES) {
  test(`ByteSpool against a model: ${name}`, async (t) => {
    const directory = temporaryDirectory(t);
    const step = fc.oneof(
      fc.record({ push: fc.constantFrom(1, 50, 800, 3000) }),
      fc.record({ take: fc.constantFrom(1, 64, 4000) }),
      fc.constant("turn" as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80, size: "max" }), fc.boolean(), async (steps, polite) => {
        const shared = limits(missing ? `${directory}/none` : directory, memoryBytes, fileBytes, maxBytes);
        let readable = 0;
        let stopped = false;
        const spool = new ByteSpool(
          shared,
          () => readable++,
          () => {
            stopped = false;
          },
        );
        let pushed = 0;
        let taken = 0;
        const take = (bytes: number): boolean => {
          const chunk = spool.shift(bytes);
          if (chunk === undefined) return false;
          assert.ok(chunk.length > 0 && chunk.length <= bytes);
          assert.deepEqual(chunk, pattern(taken, chunk.length));
          taken += chunk.length;
          return true;
        };
        for (const step of steps) {
          if (step === "turn") await turn();
          else if ("take" in step) take(step.take);
          else if (!(polite && stopped)) {
            spool.push(pattern(pushed, step.push));
            pushed += step.push;
            if (!spool.wantsMore) stopped = true;
          }
          assert.equal(spool.size, pushed - taken);
        }
        while (taken < pushed) {
          const before = readable;
          // No byte at hand: `onReadable` must come, or the reader would wait for ever.
          if (!take(4000)) await until(() => readable > before);
        }
        assert.equal(stopped, false, "who was stopped is told to go on");
        spool.push(pattern(0, 2000));
        spool.destroy();
        assert.equal(shared.budget.usedBytes, 0);
        spool.push(pattern(0, 2000));
        assert.equal(shared.budget.usedBytes, 0, "what is pushed too late costs nothing");
      }),
      { numRuns: 40 },
    );
    await until(() => descriptorsBelow(directory, readlinkSync) === 0);
    // A file's name is removed behind its opening, which may still be under way.
    await until(() => readdirSync(directory).length === 0);
  });
}

test("a long transfer through a small spool does not grow its file", async (t) => {
  const directory = temporaryDirectory(t);
  let readable = 0;
  const spool = new ByteSpool(
    limits(directory, 0, 10_000),
    () => readable++,
    () => {},
  );
  let pushed = 0;
  let taken = 0;
  // The reader never catches up, so the file is never empty.
  while (pushed < 500_000) {
    if (spool.size < 9_000) {
      spool.push(pattern(pushed, 3_000));
      pushed += 3_000;
    }
    const before = readable;
    const chunk = spool.shift(1_000);
    if (chunk !== undefined) {
      assert.deepEqual(chunk, pattern(taken, chunk.length));
      taken += chunk.length;
    } else await until(() => readable > before);
  }
  const [fd] = readdirSync("/proc/self/fd").filter((name) => readlink(name).startsWith(directory));
  assert.ok(fd !== undefined && statSync(`/proc/self/fd/${fd}`).size <= 10_000);
  spool.destroy();
  await until(() => descriptorsBelow(directory, readlinkSync) === 0);
});

function readlink(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}

test("a full disk: what was given stays whole, in memory, more is not wanted until it is read, and it is told once", async () => {
  // /dev/full takes no byte: the spool's own file cannot be made there, so the error is that of opening. Both ways end alike;
  // test/server/full-disk.test.ts meets that of writing.
  const told: unknown[] = [];
  let readable = 0;
  const spool = new ByteSpool(
    { ...limits("/dev/full", 10, 1_000_000), onDiskError: (error, directory) => told.push(error.code, directory) },
    () => readable++,
    () => {},
  );
  spool.push(Buffer.alloc(100, 1));
  assert.equal(spool.needsReader, false);
  await until(() => readable > 0);
  assert.deepEqual(told, ["ENOTDIR", "/dev/full"]);
  assert.equal(spool.wantsMore, false);
  assert.equal(spool.needsReader, true);
  assert.equal(spool.shift(1_000)?.length, 100);
  assert.equal(spool.wantsMore, true);
  assert.equal(spool.bytesLost, false);
});

test("bytes that cannot be read back are lost, and said to be", async (t) => {
  const directory = temporaryDirectory(t);
  let readable = 0;
  const shared = limits(directory, 0, 1_000_000);
  const spool = new ByteSpool(
    shared,
    () => readable++,
    () => {},
  );
  spool.push(Buffer.alloc(300_000, 1));
  await until(() => readable > 0);
  // Somebody cuts the file under it.
  const fd = readdirSync("/proc/self/fd").find((name) => readlink(name).startsWith(directory)) ?? assert.fail("no spool file is open");
  closeSync(openSync(`/proc/self/fd/${fd}`, "w"));
  while (!spool.bytesLost) {
    const before = readable;
    if (spool.shift(65_536) === undefined) await until(() => readable > before || spool.bytesLost);
  }
  spool.destroy();
  assert.equal(shared.budget.usedBytes, 0);
  await until(() => descriptorsBelow(directory, readlinkSync) === 0);
});

test("a spool that is destroyed while its file is opened, written or read leaks nothing", async (t) => {
  const directory = temporaryDirectory(t);
  for (let turns = 0; turns < 30; turns++) {
    const shared = limits(directory, 0, 1_000_000);
    const spool = new ByteSpool(
      shared,
      () => {},
      () => {},
    );
    spool.push(Buffer.alloc(200_000));
    for (let i = 0; i < turns; i++) {
      await turn();
      spool.shift(10);
    }
    spool.destroy();
    spool.destroy();
    assert.equal(shared.budget.usedBytes, 0);
  }
  await until(() => descriptorsBelow(directory, readlinkSync) === 0 && readdirSync(directory).length === 0);
});

test("spools share a budget: the second stops where the first has used it up, and goes on when its own bytes are taken", async (t) => {
  const directory = temporaryDirectory(t);
  const shared = limits(directory, 10, 1_000_000, 1_000);
  const first = new ByteSpool(
    shared,
    () => {},
    () => {},
  );
  let writable = 0;
  const second = new ByteSpool(
    shared,
    () => {},
    () => writable++,
  );
  first.push(Buffer.alloc(1_000));
  second.push(Buffer.alloc(10));
  assert.equal(second.wantsMore, false);
  assert.equal(second.shift(5)?.length, 5);
  assert.equal(writable, 1);
  first.destroy();
  second.destroy();
  assert.equal(shared.budget.usedBytes, 0);
});

test("a disk that is only slow stops who gives, but asks for no reader, unless others use up the budget meanwhile", async (t) => {
  const shared = limits(temporaryDirectory(t), 10, 100_000_000, 10_000_000);
  let readable = 0;
  let writable = 0;
  const make = () =>
    new ByteSpool(
      shared,
      () => readable++,
      () => writable++,
    );
  const slow = make();
  // With bytes in memory nothing is brought from the file, and `onReadable` has no other reason.
  slow.push(Buffer.alloc(10));
  const pushMuch = () => {
    for (let i = 0; i < 20; i++) slow.push(Buffer.alloc(100_000));
    assert.equal(slow.wantsMore, false);
    assert.equal(slow.needsReader, false);
  };
  pushMuch();
  await until(() => writable > 0);
  assert.equal(readable, 0);
  pushMuch();
  const other = make();
  other.push(Buffer.alloc(6_000_000));
  await until(() => readable > 0);
  assert.equal(slow.needsReader, true);
  assert.equal(writable, 1);
  slow.destroy();
  other.destroy();
});

test("spools share memory: what finds it used up waits on the disk, and memory that is given back is used again", async (t) => {
  const memoryBudget = { usedBytes: 0, maxBytes: 1000 };
  const shared = { ...limits(temporaryDirectory(t), 1000, 100_000), memoryBudget };
  const quiet = () => {};
  const [one, two] = [new ByteSpool(shared, quiet, quiet), new ByteSpool(shared, quiet, quiet)];
  one.push(pattern(0, 900));
  two.push(pattern(0, 500));
  assert.deepEqual([memoryBudget.usedBytes, shared.budget.usedBytes], [900, 500]);
  assert.ok(one.takeAllFromMemory()?.equals(pattern(0, 900)));
  assert.equal(memoryBudget.usedBytes, 0);
  let read = two.shift(1000);
  await until(() => {
    read ??= two.shift(1000);
    return read !== undefined;
  });
  assert.ok(read?.equals(pattern(0, 500)));
  assert.deepEqual([memoryBudget.usedBytes, shared.budget.usedBytes], [0, 0]);
  two.push(pattern(500, 600));
  assert.deepEqual([memoryBudget.usedBytes, shared.budget.usedBytes], [600, 0]);
  one.destroy();
  two.destroy();
  assert.equal(memoryBudget.usedBytes, 0);
});
