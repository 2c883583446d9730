import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ErrorLog, formatErrorLine, LOG_LEVELS } from "../../src/telemetry/error-log.ts";

const directory = mkdtempSync(join(tmpdir(), "tunicorn-error-log-"));
after(() => rmSync(directory, { recursive: true }));
const SOURCE = new URL("../../src/telemetry/error-log.ts", import.meta.url).href;
const LOADER = new URL("../../scripts/typescript.mjs", import.meta.url).pathname;

/** The format is Python's "[%Y-%m-%d %H:%M:%S %z] [pid] [LEVEL] message"; the zone is the process's. */
for (const [zone, expected] of [
  ["UTC", "[2026-11-20 20:57:56 +0000] [4211] [INFO] Hello\n"],
  ["Asia/Kolkata", "[2026-11-21 02:27:56 +0530] [4211] [INFO] Hello\n"],
  ["America/St_Johns", "[2026-11-20 17:27:56 -0330] [4211] [INFO] Hello\n"],
] as const) {
  test(`a line in ${zone}`, () => {
    const program = `import { formatErrorLine } from ${JSON.stringify(SOURCE)}; process.stdout.write(formatErrorLine(new Date("2026-11-20T20:57:56Z"), 4211, "info", "Hello"))`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--import", LOADER, "--input-type=module", "-e", program], {
      env: { ...process.env, TZ: zone },
      encoding: "utf8",
    });
    assert.equal(stdout, expected, stderr);
  });
}

test("one-digit months, days and times have a zero in front", () => {
  assert.match(formatErrorLine(new Date(2026, 0, 2, 3, 4, 5), 1, "error", "x"), /^\[2026-01-02 03:04:05 [+-]\d{4}\] \[1\] \[ERROR\] x\n$/);
});

function written(level: string): string[] {
  const path = join(directory, `level-${level || "none"}`);
  const log = new ErrorLog({ output: path, level, pid: 7 });
  for (const each of LOG_LEVELS) log.write(each, "text");
  return readFileSync(path, "utf8")
    .split("\n")
    .flatMap((line) => /\[([A-Z]+)\] text/.exec(line)?.[1] ?? []);
}
for (const [level, first] of [
  ["debug", 0],
  ["info", 1],
  ["WARNING", 2],
  ["Error", 3],
  ["critical", 4],
  ["nonsense", 1],
  ["", 1],
] as const) {
  test(`loglevel ${JSON.stringify(level)} lets ${LOG_LEVELS[first]} and above pass`, () => {
    assert.deepEqual(
      written(level),
      LOG_LEVELS.slice(first).map((name) => name.toUpperCase()),
    );
  });
}

test("lines in JSON, from the next one on after a reload", () => {
  const path = join(directory, "json");
  const log = new ErrorLog({ output: path, level: "info", pid: 7, format: "json" });
  log.write("warning", 'a "b"');
  log.change({ output: path, level: "info", format: "text" });
  log.write("warning", "text");
  const [json = "", text = ""] = readFileSync(path, "utf8").split("\n");
  const { level, pid, message } = JSON.parse(json) as Record<string, unknown>;
  assert.deepEqual([level, pid, message], ["warning", 7, 'a "b"']);
  assert.match(text, /\[7\] \[WARNING\] text$/);
});

test("a relay takes every line, whatever its level, and what it does not take is written", () => {
  const path = join(directory, "relayed");
  const log = new ErrorLog({ output: path, level: "info", pid: 7 });
  const taken: string[] = [];
  let takes = true;
  log.relay = (level, text, pid) => takes && taken.push(`${level} ${text} ${pid}`) > 0;
  assert.ok(log.isEnabled("debug"));
  log.write("debug", "one");
  log.write("error", "two", 8);
  takes = false;
  log.write("debug", "too quiet");
  log.write("error", "three");
  assert.deepEqual(taken, ["debug one 7", "error two 8"]);
  assert.match(readFileSync(path, "utf8"), /^[^\n]*\[7\] \[ERROR\] three\n$/);
});

test("a line may be another process's", () => {
  const path = join(directory, "pid");
  new ErrorLog({ output: path, level: "info", pid: 7 }).write("info", "x", 8);
  assert.match(readFileSync(path, "utf8"), /\] \[8\] \[INFO\] x\n$/);
});

test("reopen follows a rotation", () => {
  const path = join(directory, "rotated");
  const log = new ErrorLog({ output: path, level: "info", pid: 7 });
  log.write("info", "first");
  renameSync(path, `${path}.1`);
  log.write("info", "second");
  log.reopen();
  log.write("info", "third");
  assert.match(readFileSync(`${path}.1`, "utf8"), /first\n.*second\n$/);
  assert.match(readFileSync(path, "utf8"), /third\n$/);
});

test("a file that cannot be opened is an error at the start, and a line in the old file at a reopen", () => {
  assert.throws(() => new ErrorLog({ output: join(directory, "no", "log"), level: "info", pid: 7 }), { code: "ENOENT" });
  const folder = mkdtempSync(join(directory, "gone-"));
  const log = new ErrorLog({ output: join(folder, "log"), level: "info", pid: 7 });
  renameSync(folder, `${folder}-moved`);
  log.reopen();
  assert.match(readFileSync(join(`${folder}-moved`, "log"), "utf8"), /\[ERROR\] cannot reopen the log file .*ENOENT/);
});

test("a reader of standard error that has gone does not end the process", async () => {
  const program = `import { ErrorLog } from ${JSON.stringify(SOURCE)}; process.stdin.on("end", () => { const log = new ErrorLog({ output: "-", level: "info", pid: 7 }); for (let i = 0; i < 10; i += 1) log.write("info", "x"); process.exitCode = 5; }).resume();`;
  const child = spawn(process.execPath, ["--import", LOADER, "--input-type=module", "-e", program], { stdio: ["pipe", "ignore", "pipe"] });
  child.stderr.destroy();
  await once(child.stderr, "close");
  child.stdin.end();
  const [code] = await once(child, "exit");
  assert.equal(code, 5);
});
