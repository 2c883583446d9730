import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { killQuietly } from "../../bench/process-tree.ts";
import { withDeadline } from "./deadline.ts";
import { KINDS, PYTHON, type Scope, Server, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";
import { runToEnd } from "./run-to-end.ts";

/** Binds a port of 127.0.0.1 in another process, listening or not, until the test ends. */
async function busyPort(scope: Scope, listening: boolean): Promise<number> {
  const program = `import socket, sys\ns = socket.socket()\ns.bind(("127.0.0.1", 0))\n${listening ? "s.listen()\n" : ""}print(s.getsockname()[1], flush=True)\nsys.stdin.read()`;
  const child = spawn(PYTHON, ["-c", program], { stdio: ["pipe", "pipe", "inherit"] });
  scope.after(() => void child.kill("SIGKILL"));
  return await withDeadline("binding a port", (resolve) => child.stdout.once("data", (data) => resolve(Number(data))));
}

for (const kind of KINDS) {
  for (const listening of [true, false]) {
    test(`${kind}: a port that is busy, ${listening ? "with" : "without"} a listener there`, async (t) => {
      const port = await busyPort(t, listening);
      const { code, stderr } = await runToEnd(t, kind, { args: ["--log-level", "debug", "cases"], bind: `127.0.0.1:${port}` });
      assert.equal(code, 1);
      const said = [...stderr.matchAll(/\[(?:ERROR|DEBUG)\] (.*)/g)].map(([, text = ""]) => text);
      const errors = said.filter((text) => !text.startsWith("Current configuration"));
      const attempt = [
        `Connection in use: ('127.0.0.1', ${port})`,
        `connection to ('127.0.0.1', ${port}) failed: [Errno 98] Address already in use`,
        "Retrying in 1 second.",
      ];
      assert.deepEqual(errors, [...Array(5).fill(attempt).flat(), `Can't connect to ('127.0.0.1', ${port})`]);
    });
  }

  test(`${kind}: an address that is not this machine's`, async (t) => {
    const { code, stderr } = await runToEnd(t, kind, { args: ["cases"], bind: "192.0.2.1:8000" });
    assert.equal(code, 1);
    assert.equal(stderr.match(/\[ERROR\] Invalid address: \('192\.0\.2\.1', 8000\)$/gm)?.length, 5, stderr);
    assert.match(stderr, /\[ERROR\] Can't connect to \('192\.0\.2\.1', 8000\)$/m);
  });

  test(`${kind}: a port that becomes free is taken at the next try`, async (t) => {
    const first = await Server.start(t, kind, { args: ["cases"] });
    const second = Server.spawn(t, kind, { args: ["cases"], bind: `127.0.0.1:${first.address}` });
    await second.waitForLine(/Connection in use/);
    // At once: there are five tries, a second apart.
    for (const { pid } of first.processes()) killQuietly(pid);
    await second.ready();
    assert.equal((await second.exchange(get("/"))).body, "hello\n");
  });

  test(`${kind}: a unix socket's file that a dead server left is replaced`, async (t) => {
    const path = join(temporaryFolder(t), "socket");
    const first = await Server.start(t, kind, { args: ["cases"], bind: `unix:${path}` });
    for (const { pid } of first.processes()) killQuietly(pid);
    await first.nothingLeft();
    const second = await Server.start(t, kind, { args: ["cases"], bind: `unix:${path}` });
    assert.equal((await second.exchange(get("/"))).body, "hello\n");
  });

  test(`${kind}: a unix socket's path that is another file is left alone`, async (t) => {
    const path = join(temporaryFolder(t), "precious");
    writeFileSync(path, "text");
    const { code, stderr } = await runToEnd(t, kind, { args: ["cases"], bind: `unix:${path}` });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`'${path}' is not a socket`));
  });

  for (const flag of ["--error-logfile", "--access-logfile"]) {
    test(`${kind}: ${flag} in a folder that is not there`, async (t) => {
      const { code, stderr } = await runToEnd(t, kind, { args: [flag, "/no/such/log", "cases"], bind: "127.0.0.1:0" });
      assert.equal(code, 1);
      assert.match(stderr, /^Error: Error: '\/no\/such\/log' isn't writable \[FileNotFoundError\(2, 'No such file or directory'\)\]$/m);
    });
  }

  test(`${kind}: a log file that is a folder`, async (t) => {
    const folder = temporaryFolder(t);
    const { code, stderr } = await runToEnd(t, kind, { args: ["--error-logfile", folder, "cases"], bind: "127.0.0.1:0" });
    assert.equal(code, 1);
    assert.ok(stderr.includes(`Error: Error: '${folder}' isn't writable [IsADirectoryError(21, 'Is a directory')]`), stderr);
  });

  test(`${kind}: a configuration that cannot be read`, async (t) => {
    const folder = join(temporaryFolder(t), "conf.py");
    mkdirSync(folder);
    const { code, stderr } = await runToEnd(t, kind, { args: ["-c", folder, "cases"] });
    assert.equal(code, 1);
    assert.match(stderr, /^IsADirectoryError: \[Errno 21\] Is a directory: '.*conf\.py'$/m);
    assert.ok(stderr.includes(`Failed to read config file: ${folder}\n`), stderr);
  });

  test(`${kind}: a pid file in a folder that is not there`, async (t) => {
    const { code, stderr } = await runToEnd(t, kind, { args: ["-p", "/no/such/pid", "cases"], bind: "127.0.0.1:0" });
    assert.equal(code, 1);
    assert.match(stderr, /^Error: \/no\/such doesn't exist\. Can't create pidfile\.$/m);
  });

  test(`${kind}: a pid file of a living process`, async (t) => {
    const path = join(temporaryFolder(t), "pid");
    writeFileSync(path, `${process.pid}\n`);
    const { code, stderr } = await runToEnd(t, kind, { args: ["-p", path, "cases"], bind: "127.0.0.1:0" });
    assert.equal(code, 1);
    assert.ok(stderr.includes(`Error: Already running on PID ${process.pid} (or pid file '${path}' is stale)\n`), stderr);
  });
}

/** Applications and configurations that cannot be loaded: Gunicorn's exit code, and the words by which its user finds the mistake. */
const BAD_CODE = [
  { name: "a module that is not there", args: ["nowhere:app"], code: 3, says: /No module named 'nowhere'/ },
  { name: "a syntax error in the application", args: ["broken:app"], code: 3, says: /SyntaxError: / },
  { name: "an import of the application that fails", args: ["raising:app"], code: 3, says: /ZeroDivisionError: / },
  { name: "an attribute that is not there", args: ["plain:nothing"], code: 4, says: /Failed to find attribute 'nothing' in 'plain'\./ },
  { name: "an application that cannot be called", args: ["plain:number"], code: 4, says: /Application object must be callable\./ },
  { name: "a syntax error in the configuration", args: ["-c", "broken.py", "plain:app"], code: 1, says: /SyntaxError: / },
  { name: "a configuration that raises", args: ["-c", "raising.py", "plain:app"], code: 1, says: /ZeroDivisionError: / },
  { name: "a configuration that is not there", args: ["-c", "none.py", "plain:app"], code: 1, says: /^Error: 'none\.py' doesn't exist$/m },
  { name: "a value in the configuration", args: ["-c", "value.py", "plain:app"], code: 1, says: /Invalid value for workers: x/ },
  { name: "an unknown flag", args: ["--unknown", "plain:app"], code: 2, says: /unrecognized arguments: --unknown/ },
  { name: "a bad value", args: ["-w", "x", "plain:app"], code: 2, says: /argument -w\/--workers: invalid/ },
  { name: "no application", args: [], code: 1, says: /^Error: No application module specified\.$/m },
  {
    name: "--chdir to where nothing is",
    args: ["--chdir", "/no/such", "plain:app"],
    code: 1,
    says: /can't chdir to '\/no\/such'|\/no\/such/,
  },
];

function badCode(scope: Scope): string {
  const folder = temporaryFolder(scope);
  const files = { broken: "def = 1\n", raising: "1/0\n", plain: "number = 1\ndef app(e, s): ...\n", value: "workers = 'x'\n" };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.py`), text);
  return folder;
}

for (const { name, args, code, says } of BAD_CODE) {
  for (const kind of KINDS) {
    test(`${kind}: ${name}`, async (t) => {
      const ended = await runToEnd(t, kind, { args, cwd: badCode(t), bind: args.length === 0 ? null : "127.0.0.1:0" });
      assert.match(ended.stderr, says);
      assert.equal(ended.code, code, ended.stderr);
    });
  }
}

/** Makes a folder with a `python3` of the given text, to be found on PATH. */
function fakePython(scope: Scope, text: string): string {
  const path = join(temporaryFolder(scope), "python3");
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

const NO_PYTHON = [
  { name: "--python that is not there", python: () => "/no/such/python", says: /\/no\/such\/python/ },
  { name: "--python that cannot be run", python: (t: Scope) => fakePython(t, "neither program nor script"), says: /python3/ },
  { name: "--python that ends at once", python: (t: Scope) => fakePython(t, "#!/bin/sh\nexit 9\n"), says: /python3/ },
  { name: "a Python that is too old", python: oldPython, says: /3\.8[^\n]*3\.10/ },
];

for (const { name, python, says } of NO_PYTHON) {
  test(`tunicorn: ${name}`, async (t) => {
    const { code, stderr } = await runToEnd(t, "tunicorn", { args: ["--python", python(t), "cases"], bind: "127.0.0.1:0" });
    assert.equal(code, 1, stderr);
    const error = /^Error: .*$/m.exec(stderr)?.[0] ?? "";
    assert.match(error, says, stderr);
    assert.doesNotMatch(stderr, /Traceback|node:internal|at .*\.js/);
  });
}

test("tunicorn: no Python at all", async (t) => {
  const bin = temporaryFolder(t);
  writeFileSync(join(bin, "node"), `#!/bin/sh\nexec ${process.execPath} "$@"\n`);
  chmodSync(join(bin, "node"), 0o755);
  writeFileSync(join(bin, "env"), '#!/bin/sh\nexec /usr/bin/env "$@"\n');
  chmodSync(join(bin, "env"), 0o755);
  const { code, stderr } = await runToEnd(t, "tunicorn", { args: ["cases"], env: { PATH: bin, VIRTUAL_ENV: "" }, bind: "127.0.0.1:0" });
  assert.equal(code, 1, stderr);
  assert.match(stderr, /^Error: .*python/im);
});

/** The tests' Python, which says that it is 3.8 before anything of Tunicorn's half is read. */
function oldPython(scope: Scope): string {
  const folder = temporaryFolder(scope);
  writeFileSync(
    join(folder, "sitecustomize.py"),
    'import sys\nsys.version_info = (3, 8, 18, "final", 0)\nsys.version = "3.8.18 (default)"\nsys.hexversion = 0x030812F0\n',
  );
  return fakePython(scope, `#!/bin/sh\nPYTHONPATH=${folder} exec ${PYTHON} "$@"\n`);
}
