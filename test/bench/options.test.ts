import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OptionError, parseOptions } from "../../bench/options.ts";
import { SCENARIOS } from "../../bench/scenarios.ts";
import { SERVERS } from "../../bench/servers.ts";

/** The options, with names in place of the things they name. */
function parse(...args: string[]) {
  const options = parseOptions(args);
  if (typeof options === "string") return options;
  return { ...options, scenarios: options.scenarios.map(({ id }) => id), servers: options.servers.map(({ name }) => name) };
}

describe("parseOptions", () => {
  test("has a default for everything", () => {
    assert.deepEqual(parse(), {
      scenarios: SCENARIOS.map(({ id }) => id),
      servers: SERVERS.map(({ name }) => name),
      rounds: 5,
      seconds: 4,
      jsonFile: undefined,
      node: process.execPath,
      python: "python3",
    });
  });

  const TABLE = [
    { args: ["--quick"], part: { rounds: 2, seconds: 1 } },
    { args: ["--quick", "--rounds", "7"], part: { rounds: 7, seconds: 1 } },
    { args: ["--seconds=9"], part: { rounds: 5, seconds: 9 } },
    { args: ["--only", "memory-flask-w2"], part: { scenarios: ["memory-flask-w2", "memory-flask-w2-preload"] } },
    { args: ["--only", "^mixed"], part: { scenarios: ["mixed-sleep", "mixed-burn"] } },
    { args: ["--servers", "granian,tunicorn,granian"], part: { servers: ["granian", "tunicorn"] } },
    { args: ["--json", "out.json"], part: { jsonFile: "out.json" } },
    { args: ["--node", "/opt/node24/bin/node"], part: { node: "/opt/node24/bin/node" } },
    { args: ["--python", "python3.13"], part: { python: "python3.13" } },
  ];
  for (const { args, part } of TABLE) {
    test(`reads ${args.join(" ")}`, () => {
      const options = parse(...args);
      assert.ok(typeof options === "object");
      for (const [name, value] of Object.entries(part)) assert.deepEqual(Reflect.get(options, name), value);
    });
  }

  for (const word of ["help", "list"] as const) test(`--${word}`, () => assert.equal(parse("--quick", `--${word}`), word));

  const REFUSED = [
    { args: ["--rounds", "0"], message: /--rounds is "0"/ },
    { args: ["--seconds", "1.5"], message: /--seconds is "1.5"/ },
    { args: ["--only", "no-such"], message: /no scenario matches --only "no-such"/ },
    { args: ["--only", "("], message: /not a regular expression/ },
    { args: ["--servers", "apache"], message: /--servers names "apache", known are tunicorn/ },
    { args: ["--servers", ""], message: /--servers names ""/ },
    { args: ["--fast"], message: /--fast/ },
    { args: ["hello"], message: /hello/ },
  ];
  for (const { args, message } of REFUSED) {
    test(`refuses ${args.join(" ")}`, () => {
      assert.throws(
        () => parse(...args),
        (error) => error instanceof OptionError && message.test(error.message),
      );
    });
  }
});
