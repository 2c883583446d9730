import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { StatsdPipe } from "../../src/telemetry/statsd-pipe.ts";

function stage(t: TestContext, script: string) {
  const folder = mkdtempSync(join(tmpdir(), "tunicorn-test-"));
  const file = join(folder, "got");
  const errors: string[] = [];
  const pipe = new StatsdPipe(["/bin/sh", "-c", script, file], (text) => errors.push(text));
  t.after(() => {
    pipe.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const got = (): string => {
    try {
      return readFileSync(file, "latin1");
    } catch {
      return "";
    }
  };
  return { pipe, errors, got };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(10);
}

test("lines arrive in their order, and the program ends with the pipe", async (t) => {
  const { pipe, errors, got } = stage(t, 'cat >> "$0"; echo end >> "$0"');
  pipe.add("a:1|c\n");
  pipe.add("b:2|g\nc:3|ms\n");
  await until(() => got() === "a:1|c\nb:2|g\nc:3|ms\n");
  pipe.add("d:4|h\n");
  pipe.close();
  await until(() => got().endsWith("end\n"));
  assert.equal(got(), "a:1|c\nb:2|g\nc:3|ms\nd:4|h\nend\n");
  assert.deepEqual(errors, []);
});

test("what the program says is told, and that it fails once; it is started again", async (t) => {
  const { pipe, errors, got } = stage(t, 'read line; echo "$line" >> "$0"; echo "not $line"; exit 3');
  let round = 0;
  await until(() => {
    pipe.add(`${round++}\n`);
    return got().trimEnd().split("\n").length === 2;
  });
  await until(() => errors.filter((text) => text.startsWith("not ")).length === 2);
  assert.deepEqual(
    errors.filter((text) => !text.startsWith("not ")),
    ["/bin/sh ended with code 3"],
  );
});

test("a program that does not read costs no memory without end", async (t) => {
  const { pipe } = stage(t, "exec sleep 3");
  const before = process.memoryUsage().rss;
  for (let mebibytes = 0; mebibytes < 64; mebibytes++) {
    pipe.add(`${"x".repeat(1024 * 1024)}\n`);
    pipe.flush();
  }
  await new Promise(setImmediate);
  assert.ok(process.memoryUsage().rss - before < 48 * 1024 * 1024);
});

test("a program that is not there", async (t) => {
  const errors: string[] = [];
  const pipe = new StatsdPipe(["/none/such"], (text) => errors.push(text));
  t.after(() => pipe.close());
  pipe.add("x\n");
  await until(() => errors.length > 0);
  assert.match(errors[0] ?? "", /^cannot start \/none\/such: .*ENOENT/);
  pipe.add("y\n");
  pipe.flush();
});

test("no descriptor is free for the program: it is told, and the lines are lost", () => {
  const source = `
    import { openSync } from "node:fs";
    import { StatsdPipe } from ${JSON.stringify(new URL("../../src/telemetry/statsd-pipe.ts", import.meta.url).href)};
    const pipe = new StatsdPipe(["/bin/cat"], (text) => {
      console.log(text);
      process.exit();
    });
    try {
      for (;;) openSync("/dev/null");
    } catch {
      pipe.add("x\\n");
    }`;
  const limited = 'ulimit -n 100 && exec "$0" "$@"';
  const words = ["--import", fileURLToPath(new URL("../../scripts/typescript.mjs", import.meta.url)), "--input-type=module", "-e", source];
  const { stdout, stderr } = spawnSync("/bin/sh", ["-c", limited, process.execPath, ...words], { encoding: "latin1" });
  assert.equal(stderr, "");
  assert.match(stdout, /^cannot start \/bin\/cat: spawn \/bin\/cat EMFILE\n$/);
});
