import assert from "node:assert/strict";
import { test } from "node:test";
import { accessLogAtom } from "../../src/telemetry/access-log-atoms.ts";

// What the atoms read is tested through whole lines, in access-log-format.test.ts; here only what decides a conversion.
const TYPES = [
  { name: "B", type: "integer" },
  { name: "T", type: "integer" },
  { name: "M", type: "integer" },
  { name: "D", type: "integer" },
  { name: "b", type: "text" },
  { name: "L", type: "text" },
  { name: "s", type: "text" },
  { name: "h", type: "text" },
  { name: "{content-length}i", type: "text" },
  { name: "nothing", type: "text" },
] as const;

for (const { name, type } of TYPES) {
  test(`${name} is of type ${type}`, () => assert.equal(accessLogAtom(name, {}).type, type));
}
