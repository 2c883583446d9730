import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { APPS, KINDS, type Scope, Server, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";
import { type Ended, runToEnd } from "./run-to-end.ts";

/** A command line that ends by itself, what it must say, and how. */
interface CommandLine {
  readonly args: readonly string[];
  readonly code: number;
  /** Lines of stderr; both servers', with the program's name taken for Gunicorn's. */
  readonly says?: readonly string[];
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const USAGE = "usage: gunicorn [OPTIONS] [APP_MODULE]";
const argparseError = (text: string) => [USAGE, `gunicorn: error: ${text}`];

const ENDING: readonly CommandLine[] = [
  { args: ["--nosuch", "cases"], code: 2, says: argparseError("unrecognized arguments: --nosuch") },
  { args: ["-w", "abc", "cases"], code: 2, says: argparseError("argument -w/--workers: invalid int value: 'abc'") },
  { args: ["-w"], code: 2, says: argparseError("argument -w/--workers: expected one argument") },
  {
    args: ["--wor", "1", "cases"],
    code: 2,
    says: argparseError("ambiguous option: --wor could match --workers, --worker-class, --worker-connections, --worker-tmp-dir"),
  },
  { args: ["--preload=1", "cases"], code: 2, says: argparseError("argument --preload: ignored explicit argument '1'") },
  { args: ["-w", "-1", "cases"], code: 1, says: ["Error: Value must be positive: -1"] },
  { args: ["--chdir", "/no/such/folder", "cases"], code: 1, says: ["Error: can't chdir to '/no/such/folder'"] },
  { args: ["-u", "nosuchuser", "cases"], code: 1, says: ["Error: No such user: 'nosuchuser'"] },
  { args: ["-g", "nosuchgroup", "cases"], code: 1, says: ["Error: No such group: 'nosuchgroup'"] },
  { args: ["--forwarded-allow-ips", "foo", "cases"], code: 1, says: ["Error: 'foo' does not appear to be an IPv4 or IPv6 network"] },
  { args: ["--header-map", "x", "cases"], code: 1, says: ["Error: Invalid header map behaviour: x"] },
  { args: [], code: 1, says: ["Error: No application module specified."] },
  { args: ["-b", "127.0.0.1:port", "cases"], code: 1, says: ["Error: 'port' is not a valid port number."] },
  { args: ["-b", "fd://x", "cases"], code: 1, says: ["Error: 'x' is not a valid file descriptor."] },
  { args: ["-e", "FOO", "cases"], code: 1, says: ["Error: environment setting 'FOO' invalid"] },
  { args: ["-c", "/no/such.py", "cases"], code: 1, says: ["Error: '/no/such.py' doesn't exist"] },
  { args: ["-c", "python:nosuchmod", "cases"], code: 1, says: ["Error: No module named 'nosuchmod'"] },
  {
    args: ["-c", "conf.py", "cases"],
    config: "workers = (",
    code: 1,
    says: ["Failed to read config file: conf.py", "SyntaxError: '(' was never closed"],
  },
  {
    args: ["-c", "conf.py", "cases"],
    config: "raise KeyError('k')",
    code: 1,
    says: ["Failed to read config file: conf.py", "KeyError: 'k'"],
  },
  { args: ["-c", "conf.py", "cases"], config: "import sys\nsys.exit(7)", code: 7, says: [] },
  { args: ["-c", "conf.py", "cases"], config: "timeout = 1.5", code: 1, says: ["Invalid value for timeout: 1.5"] },
  { args: ["-c", "conf.py", "cases"], config: "workers = 'many'", code: 1, says: ["Invalid value for workers: many"] },
  { args: ["-c", "conf.py", "cases"], config: "worker_int = 3", code: 1, says: ["Error: Value is not callable: 3"] },
  { args: ["-c", "conf.py", "cases"], config: "import syslog", code: 1 },
  {
    args: ["cases"],
    config: "workers = -1",
    code: 1,
    says: ["Error: Value must be positive: -1"],
    env: { GUNICORN_CMD_ARGS: "-c conf.py" },
  },
  { args: ["cases"], code: 2, says: argparseError("unrecognized arguments: --nosuch"), env: { GUNICORN_CMD_ARGS: "--nosuch" } },
  { args: ["cases"], code: 1, says: ["Error: No closing quotation"], env: { GUNICORN_CMD_ARGS: "--name 'x" } },
  { args: ["--check-config", "cases"], code: 0, says: [] },
  { args: ["--check-config", "cases", "-b", "host:port"], code: 0, says: [] },
  {
    args: ["--check-config", "nosuch"],
    code: 1,
    says: ["Error while loading the application:", "ModuleNotFoundError: No module named 'nosuch'"],
  },
  { args: ["--check-config", "cases:nosuch"], code: 1, says: ["Error while loading the application:"] },
  { args: ["--check-config", "leaving"], code: 7 },
  { args: ["--check-config"], code: 1, says: ["Error: No application module specified."] },
  { args: ["--print-config", "nosuch"], code: 1, says: ["Error while loading the application:"] },
];

/** A folder with the applications and, if given, a configuration. */
function place(scope: Scope, config: string | undefined): string {
  const folder = temporaryFolder(scope);
  writeFileSync(join(folder, "cases.py"), `import sys\nsys.path.append(${JSON.stringify(APPS)})\nimport importlib.util\n${LOAD_CASES}`);
  writeFileSync(join(folder, "leaving.py"), "import sys\nsys.exit(7)\n");
  if (config !== undefined) writeFileSync(join(folder, "conf.py"), config);
  return folder;
}
const LOAD_CASES = `spec = importlib.util.spec_from_file_location("real_cases", ${JSON.stringify(join(APPS, "cases.py"))})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
application = module.application
`;

/** Takes Tunicorn's name for Gunicorn's, so that one text serves both. */
function named(ended: Ended): Ended {
  return { ...ended, stderr: ended.stderr.replace(/^usage: tunicorn/m, "usage: gunicorn").replace(/^tunicorn: error/m, "gunicorn: error") };
}

for (const kind of KINDS) {
  for (const { args, code, says, config, env } of ENDING) {
    const shown = [
      ...Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`),
      kind,
      ...args,
      config === undefined ? "" : `(${config})`,
    ];
    test(`${shown.join(" ").trim()} ends with ${code}`, async (t) => {
      const ended = named(await runToEnd(t, kind, { args, cwd: place(t, config), ...(env === undefined ? {} : { env }) }));
      assert.equal(ended.code, code, ended.stderr);
      const lines = ended.stderr.split("\n");
      for (const text of says ?? []) assert.ok(lines.includes(text), `no line ${JSON.stringify(text)} in:\n${ended.stderr}`);
      if (says?.length === 0) assert.equal(ended.stderr, "");
      assert.equal(ended.stdout.includes("access_log_format"), args.includes("--print-config"));
    });
  }

  test(`${kind} --version`, async (t) => {
    const { code, stdout, stderr } = await runToEnd(t, kind, { args: ["--version"] });
    assert.equal(code, 0);
    assert.match(
      stdout,
      kind === "gunicorn" ? /^gunicorn \(version 27\.0\.1\)\n$/ : /^tunicorn \d+\.\d+\.\d+ \(gunicorn 27\.0\.1 compatible\)\n$/,
    );
    assert.equal(stderr, "");
  });

  for (const { name, config, file, args, env, workers } of [
    { name: "gunicorn.conf.py is found", config: "workers = 2", file: "gunicorn.conf.py", args: [], env: {}, workers: 2 },
    { name: "-c instead of it", config: "workers = 3", file: "other.py", args: ["-c", "other.py"], env: {}, workers: 3 },
    { name: "-c python:", config: "workers = 3", file: "package/conf.py", args: ["-c", "python:package.conf"], env: {}, workers: 3 },
    {
      name: "GUNICORN_CMD_ARGS over the file",
      config: "workers = 2",
      file: "gunicorn.conf.py",
      args: [],
      env: { GUNICORN_CMD_ARGS: "-w 3" },
      workers: 3,
    },
    {
      name: "the command line over both",
      config: "workers = 2",
      file: "gunicorn.conf.py",
      args: ["-w", "4"],
      env: { GUNICORN_CMD_ARGS: "-w 3" },
      workers: 4,
    },
    {
      name: "WEB_CONCURRENCY is a default only",
      config: "workers = 2",
      file: "gunicorn.conf.py",
      args: [],
      env: { WEB_CONCURRENCY: "3" },
      workers: 2,
    },
    { name: "WEB_CONCURRENCY", config: "", file: "gunicorn.conf.py", args: [], env: { WEB_CONCURRENCY: "3" }, workers: 3 },
    {
      name: "abbreviations and repeats",
      config: "",
      file: "gunicorn.conf.py",
      args: ["--workers=1", "-w2", "--worker-cl", "sync"],
      env: {},
      workers: 2,
    },
  ]) {
    test(`${kind}: ${name}`, async (t) => {
      const cwd = place(t, undefined);
      mkdirSync(join(cwd, "package"));
      writeFileSync(join(cwd, file), config);
      const server = await Server.start(t, kind, { args: [...args, "cases"], cwd, env });
      await server.waitForLine(/Booting worker/);
      assert.equal((await server.exchange(get("/"))).body, "hello\n");
      await waitForWorkers(server, workers);
    });
  }
}

async function waitForWorkers(server: Server, count: number): Promise<void> {
  let from = 0;
  for (let seen = 0; seen < count; seen++) {
    await server.waitForLine(/Booting worker/, from);
    from = server.lines.findIndex(({ text }, at) => at >= from && text.includes("Booting worker")) + 1;
  }
  await server.exchange(get("/"));
  assert.equal(server.workers().length, count);
}

test("tunicorn --help has every flag of Gunicorn's", async (t) => {
  const helps = await Promise.all((["gunicorn", "tunicorn"] as const).map((kind) => runToEnd(t, kind, { args: ["--help"] })));
  const [gunicorn, tunicorn] = helps.map(({ stdout }) => new Set(stdout.match(/(?<=[ ,]|^)--?[a-z][\w-]*/gim)));
  assert.deepEqual(
    helps.map(({ code }) => code),
    [0, 0],
  );
  assert.match(helps[1]?.stdout ?? "", /^usage: tunicorn \[OPTIONS\] \[APP_MODULE\]$/m);
  assert.deepEqual(
    [...(gunicorn ?? [])].filter((flag) => !tunicorn?.has(flag)),
    [],
  );
  assert.ok((gunicorn?.size ?? 0) > 100);
});

/** Settings whose value here is Tunicorn's own (docs/differences.md). */
const OWN_VALUES = new Set(["control_socket"]);

test("tunicorn --print-config prints Gunicorn's settings with Gunicorn's values", async (t) => {
  const config =
    "bind = ['127.0.0.1:1', 'unix:/x']\nraw_env = ['A=b']\ndef on_starting(server):\n    pass\nstatsd_host = 'localhost:8125'\nuser = 'root'\n";
  const cwd = place(t, config);
  const runs = await Promise.all(
    (["gunicorn", "tunicorn"] as const).map((kind) =>
      runToEnd(t, kind, { args: ["--print-config", "-c", "conf.py", "-w", "3", "cases"], cwd }),
    ),
  );
  const [gunicorn, tunicorn] = runs.map(
    ({ stdout }) =>
      new Map(
        stdout
          .trimEnd()
          .split("\n")
          .map((line) => line.split(/ *= (.*)/s) as [string, string]),
      ),
  );
  assert.deepEqual(
    runs.map(({ code, stderr }) => ({ code, stderr })),
    [
      { code: 0, stderr: "" },
      { code: 0, stderr: "" },
    ],
  );
  assert.ok((gunicorn?.size ?? 0) > 100);
  for (const [name, value] of gunicorn ?? []) if (!OWN_VALUES.has(name)) assert.equal(tunicorn?.get(name), value, name);
});
