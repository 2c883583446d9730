import assert from "node:assert/strict";
import { test } from "node:test";
import { noEffectNotes } from "../../src/settings/no-effect.ts";
import { settled } from "./machine.ts";

test("settings without effect are named when they are set", () => {
  assert.deepEqual(noEffectNotes(settled(["app"])), []);
  assert.deepEqual(noEffectNotes(settled(["--http-parser", "fast", "app"], [["suppress_ragged_eofs", { t: "str", v: "true" }]])), [
    'setting without effect name=http_parser reason="the gateway has one parser"',
  ]);
});
