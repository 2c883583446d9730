import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

const ROOT = new URL("../..", import.meta.url).pathname;
const COMMAND = ["--import", join(ROOT, "scripts/typescript.mjs"), join(ROOT, "src/main/tunicorn.ts")];
const VERSION = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version;

const top = mkdtempSync(join(tmpdir(), "tunicorn-run-"));
after(() => rmSync(top, { recursive: true }));
writeFileSync(
  join(top, "hello.py"),
  "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'hello']\n",
);
writeFileSync(join(top, "broken.py"), "raise ValueError('broken')\n");
writeFileSync(join(top, "bad.conf.py"), "def (\n");
writeFileSync(join(top, "no-gevent.conf.py"), "import sys\nsys.modules['gevent'] = None\nworker_class = 'gevent'\n");

function run(words: readonly string[]): { stdout: string; stderr: string; status: number | null } {
  const { stdout, stderr, status } = spawnSync(process.execPath, [...COMMAND, ...words], { cwd: top, encoding: "utf8" });
  return { stdout, stderr, status };
}

const ENDS = [
  { words: ["--version"], status: 0, stdout: new RegExp(`^tunicorn ${VERSION} `), stderr: /^$/ },
  { words: ["--help"], status: 0, stdout: /^usage: tunicorn \[OPTIONS\] \[APP_MODULE\]/, stderr: /^$/ },
  { words: [], status: 1, stdout: /^$/, stderr: /^\nError: No application module specified\.\n$/ },
  { words: ["--nosuch"], status: 2, stdout: /^$/, stderr: /error: unrecognized arguments: --nosuch/ },
  { words: ["-w", "-1", "hello"], status: 1, stdout: /^$/, stderr: /^\nError: Value must be positive: -1\n$/ },
  { words: ["-b", "x:zz", "hello"], status: 1, stdout: /^$/, stderr: /Error: 'zz' is not a valid port number\.\n$/ },
  { words: ["--check-config", "hello"], status: 0, stdout: /^$/, stderr: /^$/ },
  {
    words: ["--check-config", "--dirty-workers", "2", "hello"],
    status: 1,
    stdout: /^$/,
    stderr: /Error: setting 'dirty_workers' is not supported yet/,
  },
  {
    words: ["--check-config", "-c", "no-gevent.conf.py", "hello"],
    status: 1,
    stdout: /^$/,
    stderr:
      /^\nError: class uri 'gevent' invalid or not found: \n\ngevent worker requires gevent 24\.10\.1 or higher: pip install gevent\n$/,
  },
  {
    words: ["--check-config", "broken"],
    status: 1,
    stdout: /^$/,
    stderr: /^\nError while loading the application:\n\nTraceback[\s\S]*ValueError: broken\n/,
  },
  { words: ["-c", "bad.conf.py", "hello"], status: 1, stdout: /^$/, stderr: /^Failed to read config file: bad\.conf\.py\n/ },
  { words: ["-c", "none.py", "hello"], status: 1, stdout: /^$/, stderr: /^\nError: 'none\.py' doesn't exist\n$/ },
  {
    words: ["--python", "/nowhere/python", "hello"],
    status: 1,
    stdout: /^$/,
    stderr: /Error: cannot start Python \(\/nowhere\/python\): there is no such program/,
  },
  { words: ["-e", "FOO", "hello"], status: 1, stdout: /^$/, stderr: /^\nError: environment setting 'FOO' invalid\n$/ },
  { words: ["-p", "/nope/x.pid", "hello"], status: 1, stdout: /^$/, stderr: /^\nError: \/nope doesn't exist\. Can't create pidfile\.\n$/ },
];
for (const { words, status, stdout, stderr } of ENDS) {
  test(`tunicorn ${words.join(" ")} ends with ${status}`, () => {
    const result = run(words);
    assert.match(result.stderr, stderr);
    assert.match(result.stdout, stdout);
    assert.equal(result.status, status);
  });
}

for (const [name, code, reason] of [
  ["broken", 3, "Worker failed to boot."],
  ["hello:nope", 4, "App failed to load."],
] as const) {
  test(`an application that cannot be loaded (${name}) ends the server with ${code}`, () => {
    const result = run(["-b", "127.0.0.1:0", name]);
    assert.match(
      result.stderr,
      new RegExp(`Worker \\(pid:\\d+\\) exited with code ${code}\\.\n[\\s\\S]*Shutting down: Master\n[\\s\\S]*Reason: ${reason}\n`),
    );
    assert.equal(result.status, code);
  });
}

test("a busy port", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const child = spawn(process.execPath, [...COMMAND, "-b", `127.0.0.1:${port}`, "hello"], {
    cwd: top,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (more: string) => {
    text += more;
  });
  const [code] = await once(child, "close");
  server.close();
  assert.equal(code, 1);
  assert.equal(text.match(/Connection in use: \('127\.0\.0\.1', \d+\)/g)?.length, 5);
  assert.match(text, new RegExp(`\\[ERROR\\] Can't connect to \\('127\\.0\\.0\\.1', ${port}\\)\n$`));
});

for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
  test(`a start, then ${signal}: exit 0, Gunicorn's lines, no pid file left`, async () => {
    const child = spawn(process.execPath, [...COMMAND, "-b", "127.0.0.1:0", "-p", "pid", "--log-level", "debug", "hello"], {
      cwd: top,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let text = "";
    child.stderr.setEncoding("utf8").on("data", (more: string) => {
      const before = text;
      text += more;
      if (/worker ready/.test(text) && !/worker ready/.test(before)) child.kill(signal);
    });
    const [code] = await once(child, "close");
    assert.equal(code, 0, text);
    assert.match(
      text,
      /Starting tunicorn [\s\S]*Listening at: http:\/\/127\.0\.0\.1:\d+ \(\d+\)\n[\s\S]*Using worker: sync\n[\s\S]*Booting worker with pid: /,
    );
    assert.match(text, new RegExp(`Handling signal: ${signal.slice(3).toLowerCase()}\n[\\s\\S]*Shutting down: Master\n$`));
    assert.throws(() => readFileSync(join(top, "pid")), { code: "ENOENT" });
  });
}
