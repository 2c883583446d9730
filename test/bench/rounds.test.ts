import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { chooseRate } from "../../bench/rounds.ts";

describe("chooseRate", () => {
  const TABLE = [
    { name: "of one capacity", capacities: [1000], rate: 400 },
    { name: "of several, from the one in the middle", capacities: [2000, 100, 1000], rate: 400 },
    { name: "without those that failed", capacities: [undefined, 1000, 0], rate: 400 },
    { name: "of none", capacities: [undefined], rate: undefined },
  ];
  for (const { name, capacities, rate } of TABLE) {
    test(`takes 40 % ${name}`, () => {
      const samples = capacities.map((capacity, index) => ({
        scenario: "mixed-sleep",
        server: `server ${index}`,
        round: 0,
        values: capacity === undefined ? {} : { "requests/s": capacity },
        failures: [],
      }));
      assert.equal(chooseRate(samples), rate);
    });
  }
});
