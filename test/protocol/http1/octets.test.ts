import assert from "node:assert/strict";
import { test } from "node:test";
import { findLineFeed } from "../../../src/protocol/http1/octets.ts";

test("findLineFeed stays between its bounds", () => {
  const bytes = Buffer.from("a\nb\nc\n");
  assert.equal(findLineFeed(bytes, 0, 6), 1);
  assert.equal(findLineFeed(bytes, 2, 6), 3);
  assert.equal(findLineFeed(bytes, 2, 3), -1);
  assert.equal(findLineFeed(bytes, 4, 5), -1);
});
