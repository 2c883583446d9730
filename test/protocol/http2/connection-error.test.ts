import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionError } from "../../../src/protocol/http2/connection-error.ts";

test("an error names its code and what was seen", () => {
  const error = new ConnectionError("FRAME_SIZE_ERROR", "PING of 7 bytes");
  assert.deepEqual([error.name, error.code, error.message], ["ConnectionError", "FRAME_SIZE_ERROR", "PING of 7 bytes"]);
});
