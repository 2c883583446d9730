import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseArguments, UsageError, usageErrorOf } from "../../src/settings/argparse.ts";

const OPTIONS = [
  { flags: ["-a", "--all"], takes: "nothing" },
  { flags: ["-n", "--number"], takes: "one" },
  { flags: ["--maybe"], takes: "optional" },
  { flags: ["--alter"], takes: "one", shy: true },
  { flags: ["--zoo-one"], takes: "nothing", shy: true },
  { flags: ["--zoo-two"], takes: "nothing", shy: true },
] as const;

function read(line: string): { taken: string[]; words: string[] } {
  const taken: string[] = [];
  const words = parseArguments(OPTIONS, line.split(" "), ({ flags }, value) =>
    taken.push(value === undefined ? flags[0] : `${flags[0]}=${value}`),
  );
  return { taken, words };
}

const READ = [
  { line: "x -a", taken: ["-a"], words: ["x"] },
  { line: "-an5 x", taken: ["-a", "-n=5"], words: ["x"] },
  { line: "-aan 5", taken: ["-a", "-a", "-n=5"], words: [] },
  { line: "--num=5 --number -1", taken: ["-n=5", "-n=-1"], words: [] },
  { line: "--maybe", taken: ["--maybe"], words: [] },
  { line: "--maybe x", taken: ["--maybe=x"], words: [] },
  { line: "--maybe -a", taken: ["--maybe", "-a"], words: [] },
  { line: "x -- -a --", taken: [], words: ["x", "-a", "--"] },
  { line: "--al", taken: ["-a"], words: [] },
  { line: "--alt 1", taken: ["--alter=1"], words: [] },
];

for (const { line, ...expected } of READ) test(`"${line}" is understood`, () => assert.deepEqual(read(line), expected));

const REFUSED = [
  { line: "x -a y", message: "unrecognized arguments: y" },
  { line: "--nosuch -q", message: "unrecognized arguments: --nosuch -q" },
  { line: "-n", message: "argument -n/--number: expected one argument" },
  { line: "-n -a", message: "argument -n/--number: expected one argument" },
  { line: "-n -- 5", message: "argument -n/--number: expected one argument" },
  { line: "--all=5", message: "argument -a/--all: ignored explicit argument '5'" },
  { line: "-ax", message: "argument -a/--all: ignored explicit argument 'x'" },
  { line: "--zoo", message: "ambiguous option: --zoo could match --zoo-one, --zoo-two" },
];

for (const { line, message } of REFUSED)
  test(`"${line}" is refused`, () => assert.throws(() => read(line), { name: "UsageError", message }));

test("nothing of a cluster is taken when its end is not understood", () => {
  const taken: unknown[] = [];
  assert.throws(() => parseArguments(OPTIONS, ["-aax"], (option) => taken.push(option)), UsageError);
  assert.deepEqual(taken, []);
});

test("errors name an option by all its strings", () => {
  assert.equal(usageErrorOf({ flags: ["-a", "--all"], takes: "nothing" }, "no").message, "argument -a/--all: no");
});

test("behind -- every word is a word", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (words) => {
      assert.deepEqual(
        parseArguments(OPTIONS, ["--", ...words], () => assert.fail("took an option")),
        words,
      );
    }),
  );
});
