import assert from "node:assert/strict";
import { test } from "node:test";
import { TakenOnTheirWay, type TakenRequest } from "../../src/gateway/taken-on-their-way.ts";

function request(id: number) {
  const asked: string[] = [];
  const it: TakenRequest = {
    id,
    onTaken: () => {
      asked.push("taken");
      return true;
    },
    onTakenLost: () => asked.push("lost"),
  };
  return { asked, it };
}

test("a request waits for the way to its client, and is told when it has come", () => {
  const ways = new TakenOnTheirWay();
  const { asked, it } = request(7);
  ways.await(it, 1000);
  assert.equal(ways.find(7), it);
  assert.equal(ways.find(8), undefined);
  ways.sweep(5999);
  ways.arrived(8);
  assert.deepEqual(asked, []);
  ways.arrived(7);
  assert.equal(ways.find(7), undefined);
  ways.sweep(100_000);
  assert.deepEqual(asked, ["taken"]);
});

test("one that does not come is given up", () => {
  const ways = new TakenOnTheirWay();
  const { asked, it } = request(7);
  ways.await(it, 1000);
  ways.sweep(6000);
  ways.sweep(7000);
  assert.deepEqual(asked, ["lost"]);
  assert.equal(ways.find(7), undefined);
});
