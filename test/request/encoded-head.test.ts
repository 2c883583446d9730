import assert from "node:assert/strict";
import { test } from "node:test";
import { EncodedHead } from "../../src/request/encoded-head.ts";

test("encoded once for each encoder and each list of names", () => {
  const encoded = new EncodedHead();
  const encoders = [{}, {}] as const;
  const names = [[], []] as const;
  let calls = 0;
  const get = (encoder: 0 | 1, name: 0 | 1) => encoded.get(encoders[encoder], names[name], () => `text ${++calls}`);
  assert.deepEqual(
    [get(0, 0), get(0, 0), get(1, 0), get(1, 0), get(1, 1), get(1, 1)],
    ["text 1", "text 1", "text 2", "text 2", "text 3", "text 3"],
  );
});

test("what could not be encoded is tried again", () => {
  const encoded = new EncodedHead();
  const encoder = {};
  const fails = () => {
    throw new Error("no");
  };
  assert.throws(() => encoded.get(encoder, [], fails), /no/);
  assert.equal(
    encoded.get(encoder, [], () => "text"),
    "text",
  );
});
