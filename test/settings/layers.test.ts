import assert from "node:assert/strict";
import { test } from "node:test";
import type { PyValue } from "../../src/base/python-repr.ts";
import { parse, printConfig, resolve } from "../../src/settings/index.ts";
import { ENTRIES } from "../../src/settings/table.ts";
import { machine, PROGRAM, settled } from "./machine.ts";
import { withGunicornsFiles } from "./table/against-gunicorn.ts";
import { readVectors } from "./vectors.ts";

interface Case {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
  readonly configs: Readonly<Record<string, readonly (readonly [string, PyValue])[]>>;
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Vectors {
  readonly uid: number;
  readonly gid: number;
  readonly directory: string;
  readonly cases: readonly Case[];
}

const OURS = ENTRIES.filter(([, entry]) => entry.ours === true).map(([name]) => name);
const { uid, gid, directory, cases } = readVectors<Vectors>("layers");

/** Starts as far as Gunicorn's --print-config goes. The configuration's values are those that Python recorded. */
function start({ argv, env, files, configs }: Case): { status: number; stdout: string; stderr: string } {
  const absolute = Object.fromEntries(["app.py", ...Object.keys(files)].map((name) => [`${directory}/${name}`, files[name] ?? ""]));
  const launch = parse(argv, PROGRAM, machine({ env: { HOME: "/home/user", ...env }, cwd: directory, uid, gid }, absolute));
  if (launch.at === "exit") return { status: launch.status, stdout: launch.stdout, stderr: launch.stderr };
  const { config } = launch;
  const file = config?.kind === "module" ? `${config.location}.py` : config?.location.slice(directory.length + 1);
  const resolved = resolve(launch, file === undefined ? [] : configs[file]);
  if (resolved.at === "exit") return { status: resolved.status, stdout: resolved.stdout, stderr: launch.stderr + resolved.stderr };
  const lines = printConfig(resolved.settings).split("\n");
  const theirs = lines.filter((line) => !OURS.some((name) => line.startsWith(`${name} `)));
  return { status: 0, stdout: withGunicornsFiles(theirs.join("\n")), stderr: launch.stderr + resolved.stderr };
}

for (const [index, vector] of cases.entries()) {
  const { argv, env, files, status, stdout, stderr } = vector;
  test(`layers as Gunicorn's, case ${index}: ${argv.slice(1).join(" ")} ${JSON.stringify({ ...env, ...files })}`, () => {
    assert.deepEqual(start(vector), { status, stdout, stderr });
  });
}

const int = (v: number): PyValue => ({ t: "int", v: String(v) });

test("every value tells its origin", () => {
  const surroundings = machine(
    { cwd: "/srv", env: { PORT: "81", WEB_CONCURRENCY: "3", GUNICORN_CMD_ARGS: "--name n --backlog 5" } },
    { "/srv/gunicorn.conf.py": "", "/srv/a.ini": "[loggers]\n" },
  );
  const config = [
    ["timeout", int(9)],
    ["backlog", int(9)],
    ["workers", int(9)],
  ] as const;
  const { origins, settings, application } = settled(["--paste", "a.ini#x", "-w", "4"], config, surroundings);
  assert.deepEqual(
    [
      origins.keepalive,
      origins.chdir,
      origins.bind,
      origins.logconfig,
      origins.timeout,
      origins.backlog,
      origins.proc_name,
      origins.workers,
    ],
    [
      "default",
      "default",
      "environment PORT",
      "paste",
      "config file /srv/gunicorn.conf.py",
      "GUNICORN_CMD_ARGS",
      "GUNICORN_CMD_ARGS",
      "command line",
    ],
  );
  assert.deepEqual([settings.workers, settings.backlog, settings.timeout], [4, 5, 9]);
  assert.deepEqual(application, { kind: "paste", uri: "/srv/a.ini#x" });
  assert.equal(settled(["a"], [], surroundings).origins.workers, "environment WEB_CONCURRENCY");
});

test("a WEB_CONCURRENCY that is no number is named, even before --help", () => {
  const exit = parse(["--help"], PROGRAM, machine({ env: { WEB_CONCURRENCY: "many" } }));
  assert.deepEqual(exit, {
    at: "exit",
    stdout: "",
    stderr: "\nError: the environment variable WEB_CONCURRENCY is 'many', not a number of workers\n",
    status: 1,
  });
});

test("a hook that makes contexts where there is no TLS is warned of", () => {
  const hook: PyValue = { t: "object", type: "function", text: "<function f>", name: "f", callable: true, arity: 2 };
  const stderrOf = (words: readonly string[]) => settled([...words, "app"], [["ssl_context", hook]]).stderr;
  assert.match(stderrOf([]), /^Warning: ssl_context is set but neither certfile nor keyfile is: .*\n$/);
  assert.equal(stderrOf(["--certfile", "/dev/null"]), "");
});

test("h2 that can never be negotiated is warned of", () => {
  const { stderr } = settled(["--http-protocols", "h2", "app"]);
  assert.match(stderr, /^Warning: http_protocols includes h2 but there is no TLS .* never be negotiated\.\n$/);
  assert.equal(settled(["--http-protocols", "h2", "--keyfile", "k", "app"]).stderr, "");
  assert.equal(settled(["--http-protocols", "h2", "--http2-cleartext", "both", "app"]).stderr, "");
});
