import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, printConfig, refuseUnsupported, resolve, settingsToJson } from "../../src/settings/index.ts";
import { machine, PROGRAM } from "./machine.ts";

test("a start goes from the command line over the configuration to values for everybody", () => {
  const launch = parse(["-c", "c.py", "app:app", "-w", "2"], PROGRAM, machine({}, { "/c.py": "" }));
  assert.ok(launch.at === "launch");
  assert.deepEqual(launch.config, { kind: "file", location: "/c.py", shown: "c.py" });
  const resolved = resolve(launch, [["timeout", { t: "int", v: "5" }]]);
  assert.ok(resolved.at === "resolved");
  assert.deepEqual(resolved.application, { kind: "wsgi", uri: "app:app" });
  assert.equal(refuseUnsupported(resolved), undefined);
  assert.match(printConfig(resolved.settings), /^timeout += 5$/m);
  assert.deepEqual([settingsToJson(resolved.settings).timeout, resolved.origins.timeout], [5, "config file c.py"]);
});
