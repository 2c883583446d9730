import assert from "node:assert/strict";
import { test } from "node:test";
import { eventName, gatewayEvent, nurseryEvent } from "../../src/arbiter/received.ts";

for (const [message, expected] of [
  [{ ev: "up" }, "up"],
  [{ ev: 1 }, ""],
  [{}, ""],
  [null, ""],
  ["up", ""],
] as const) {
  test(`eventName of ${JSON.stringify(message)}`, () => assert.equal(eventName(message), expected));
}

test("each channel lets its own events pass, and nothing else", () => {
  assert.deepEqual(nurseryEvent({ ev: "bound" }), { ev: "bound" });
  assert.deepEqual(gatewayEvent({ ev: "drained" }), { ev: "drained" });
  for (const message of [{ ev: "drained" }, { ev: "toString" }, { ev: "app-checked" }, undefined])
    assert.equal(nurseryEvent(message), undefined);
  for (const message of [{ ev: "bound" }, { ev: "constructor" }, 7]) assert.equal(gatewayEvent(message), undefined);
});
