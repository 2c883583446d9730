import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { LANES_MAX } from "../../src/wire/frame-types.ts";
import { laneNumber } from "../../src/wire/lane-number.ts";

const vectors = JSON.parse(readFileSync(new URL("./vectors.json", import.meta.url), "utf8")) as {
  lanes: { worker: number; lane: number; number: number }[];
};

for (const { worker, lane, number } of vectors.lanes) {
  test(`lane ${lane} of worker ${worker} is ${number}`, () => assert.equal(laneNumber(worker, lane), number));
}

test("the largest fits a word of slot memory, none is 0", () => {
  assert.ok(laneNumber(2 ** 22 - 1, LANES_MAX - 1) < 2 ** 32);
  for (const worker of [1, 2 ** 22 - 1, 2 ** 22, 2 ** 32]) assert.ok(laneNumber(worker, 0) > 0);
});
