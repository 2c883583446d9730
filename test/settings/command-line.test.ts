import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type PyValue, repr } from "../../src/base/python-repr.ts";
import { type CommandLine, parseCommandLine } from "../../src/settings/command-line.ts";
import type { Exit } from "../../src/settings/exit.ts";
import { parse } from "../../src/settings/index.ts";
import { NOT_SUPPORTED_YET } from "../../src/settings/not-supported-yet.ts";
import { ENTRIES } from "../../src/settings/table.ts";
import { machine, PROGRAM } from "./machine.ts";
import { readVectors } from "./vectors.ts";

interface Vector {
  readonly given: readonly string[];
  readonly words?: readonly string[];
  readonly values?: readonly (readonly [string, PyValue])[];
  readonly status?: number;
  readonly stderr?: string;
}

const HELP = { columns: 80, defaults: new Map() };
const read = (words: readonly string[]): CommandLine | Exit => parseCommandLine(words, PROGRAM, HELP);

test("command lines mean what they mean to argparse", () => {
  for (const { given, words, values, status, stderr } of readVectors<readonly Vector[]>("command-lines")) {
    const line = read(given);
    const label = JSON.stringify(given);
    if (line.at === "exit") {
      assert.deepEqual({ status: line.status, stderr: line.stderr }, { status, stderr }, label);
    } else {
      assert.deepEqual(line.words, words, label);
      assert.deepEqual(
        [...line.values].map(([name, value]) => [name, repr(value)]),
        values?.map(([name, value]) => [name, repr(value)]),
        label,
      );
    }
  }
});

function valuesOf(words: readonly string[]): Record<string, string> {
  const line = read(words);
  assert.equal(line.at, "parsed", JSON.stringify(line));
  return line.at === "parsed" ? Object.fromEntries([...line.values].map(([name, value]) => [name, repr(value)])) : {};
}

test("our options do not make an abbreviation ambiguous that Gunicorn understands", () => {
  assert.deepEqual(valuesOf(["--pyth", "a"]), { pythonpath: "'a'" });
  assert.deepEqual(valuesOf(["--worker-cl", "a"]), { worker_class: "'a'" });
});

test("our options may be abbreviated where Gunicorn has none, and are ambiguous among themselves", () => {
  assert.deepEqual(valuesOf(["--look", "3", "--no-warm", "--python", "p"]), { python: "'p'", warm_imports: "False", look_ahead: "3" });
  const line = read(["--queue", "3"]);
  assert.equal(line.at, "exit");
  assert.match(line.at === "exit" ? line.stderr : "", /error: ambiguous option: --queue could match --queue-limit, --queue-timeout\n$/);
});

test("--version names both versions", () => {
  assert.deepEqual(read(["-v", "--nosuch"]), {
    at: "exit",
    stdout: "gunicorn 1.2.3 (gunicorn 27.0.1 compatible)\n",
    stderr: "",
    status: 0,
  });
});

test("--help lists every option once, with its text and its default on this machine", () => {
  const exit = parse(["--help"], { name: "tunicorn", version: "1.2.3" }, machine({ env: { PORT: "81", COLUMNS: "300" } }));
  assert.equal(exit.at, "exit");
  if (exit.at !== "exit") return;
  assert.deepEqual([exit.status, exit.stderr], [0, ""]);
  assert.match(
    exit.stdout,
    /^usage: tunicorn \[OPTIONS\] \[APP_MODULE\]\n\noptions:\n {2}-h, --help {12}show this help message and exit\n/,
  );
  assert.match(exit.stdout, /^ {2}-b ADDRESS, --bind ADDRESS\n {24}The socket to bind\. \[\['0\.0\.0\.0:81'\]\]$/m);
  assert.match(exit.stdout, /^ {2}--proxy-protocol \[MODE\]\n {24}Enable PROXY protocol support\. \[off\]$/m);
  for (const [name, { flags }] of ENTRIES) {
    for (const flag of flags)
      assert.equal(exit.stdout.split(new RegExp(`(?:^ {2}|, )${flag}(?=[ ,\n])`, "m")).length, 2, `${name} ${flag}`);
  }
});

test("--help marks the options that stop the start, and those that do nothing, and no others", () => {
  const exit = parse(["--help"], PROGRAM, machine({ env: { COLUMNS: "300" } }));
  assert.ok(exit.at === "exit");
  // An option's line, and the line of its text when that stands below.
  const described = exit.stdout.split(/^ {2}(?=-)/m);
  for (const [name, { flags, noEffect }] of ENTRIES) {
    const [flag] = flags;
    if (flag === undefined) continue;
    const text = described.find((each) => each.startsWith(flag) && /[ ,\n]/.test(each[flag.length] ?? "")) ?? assert.fail(`no ${flag}`);
    assert.equal(text.includes(" (not supported yet) ["), NOT_SUPPORTED_YET.includes(name), text);
    assert.equal(text.includes(" (without effect) ["), noEffect !== undefined && !NOT_SUPPORTED_YET.includes(name), text);
  }
});

test("the terminal's width shapes --help unless COLUMNS says otherwise", () => {
  const longest = (columns: number | undefined, COLUMNS?: string): number => {
    const exit = parse(["-h"], PROGRAM, machine({ terminalColumns: columns, env: { COLUMNS } }));
    return exit.at === "exit" ? Math.max(...exit.stdout.split("\n").map((line) => line.length)) : 0;
  };
  assert.ok(longest(undefined) <= 78 && longest(undefined) > 70);
  assert.ok(longest(120) > 100);
  assert.equal(longest(120, "80"), longest(undefined));
  assert.equal(longest(120, "wide"), longest(120));
});

test("whatever stands on a command line, the answer is data", () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom("-w", "--", "-", "--bind", "--wor", "-D", "--proxy-protocol", "app:app", "4"),
    fc.string().map((text) => `-${text}`),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (words) => {
      const line = read(words);
      assert.ok(line.at === "parsed" || line.status === 0 || (line.status === 2 && line.stderr.startsWith("usage: ")));
    }),
  );
});

test("a value comes through unchanged by any way of writing it", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: "binary" }), (value) => {
      for (const words of [[`--name=${value}`], [`-n${value}`.replace("-n=", "-n==")]]) {
        const line = read(words);
        assert.ok(line.at === "parsed" && line.values.get("proc_name")?.t === "str");
        assert.deepEqual(line.values.get("proc_name"), { t: "str", v: value });
      }
    }),
  );
});
