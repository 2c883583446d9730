import assert from "node:assert/strict";
import { test } from "node:test";
import { printConfig } from "../../src/settings/print-config.ts";
import { ENTRIES } from "../../src/settings/table.ts";
import { settled } from "./machine.ts";

test("every setting has a line, sorted, names padded to the longest", () => {
  const lines = printConfig(settled(["--statsd-host", "H", "app"]).settings).split("\n");
  assert.equal(lines.pop(), "");
  assert.deepEqual(
    lines.map((line) => line.split(" ")[0]),
    ENTRIES.map(([name]) => name).sort(),
  );
  assert.ok(lines.every((line) => line.indexOf(" = ") >= 34));
  for (const line of [
    "statsd_host                        = ('h', 8125)",
    "pre_fork                           = <Prefork.pre_fork()>",
    "look_ahead                         = 8",
  ]) {
    assert.ok(lines.includes(line), line);
  }
});
