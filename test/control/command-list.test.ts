import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCommand } from "../../src/control/command.ts";
import { COMMANDS, fixedWords, helpAnswer, SHOW_TARGETS } from "../../src/control/command-list.ts";

/** What stands for what is to be filled in. */
const FILLED: Readonly<Record<string, string>> = {
  "<PID>": "12",
  "[N]": "2",
  "[graceful|quick]": "quick",
  "<SETTING>": "workers",
  "<LEVEL>": "info",
};

for (const { usage } of COMMANDS) {
  test(`the listed command ${usage} is understood`, () => {
    const line = usage.replace(/[<[].*$/, (blank) => FILLED[blank] ?? assert.fail(blank));
    assert.notEqual(parseCommand(line, []), undefined);
  });
}

test("every target of show is listed", () => {
  const listed = COMMANDS.map(({ usage }) => /^show (\w+)/.exec(usage)?.[1]).filter(Boolean);
  assert.deepEqual(listed, [...SHOW_TARGETS]);
});

test("help has a text for each; the fixed words are without what is to be filled in", () => {
  const { commands } = helpAnswer();
  assert.equal(Object.keys(commands).length, COMMANDS.length);
  assert.equal(commands["worker add [N]"], "Spawn N workers (default 1)");
  const words = fixedWords();
  for (const each of ["worker kill", "shutdown", "shutdown quick", "shutdown graceful", "explain", "reload --wait", "show top"])
    assert.ok(words.includes(each), each);
  assert.ok(words.every((each) => !/[<[|]/.test(each)));
});
