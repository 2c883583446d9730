import assert from "node:assert/strict";
import { test } from "node:test";
import { readSettings } from "../../../src/protocol/http2/settings-frame.ts";

function read(hex: string): [number, number][] {
  const bytes = Buffer.from(hex, "hex");
  const taken: [number, number][] = [];
  readSettings(bytes, 0, bytes.length, (setting, value) => taken.push([setting, value]));
  return taken;
}

test("settings in order, unknown ones too", () => {
  assert.deepEqual(read("000100001000" + "00ffffffffff" + "000100000000"), [
    [1, 4096],
    [255, 2 ** 32 - 1],
    [1, 0],
  ]);
});

for (const { name, hex, code } of [
  { name: "half a setting", hex: "0001000010", code: "FRAME_SIZE_ERROR" },
  { name: "ENABLE_PUSH of 2", hex: "000200000002", code: "PROTOCOL_ERROR" },
  { name: "INITIAL_WINDOW_SIZE of 2^31", hex: "000480000000", code: "FLOW_CONTROL_ERROR" },
  { name: "MAX_FRAME_SIZE of 16383", hex: "000500003fff", code: "PROTOCOL_ERROR" },
  { name: "MAX_FRAME_SIZE of 2^24", hex: "000501000000", code: "PROTOCOL_ERROR" },
]) {
  test(`${name} is refused: ${code}`, () => assert.throws(() => read(hex), { name: "ConnectionError", code }));
}

for (const hex of ["000200000001", "00047fffffff", "000500004000", "000500ffffff"]) {
  test(`${hex} is allowed`, () => assert.equal(read(hex).length, 1));
}
