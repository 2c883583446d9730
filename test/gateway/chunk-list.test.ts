import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ChunkList } from "../../src/gateway/chunk-list.ts";

test("ChunkList gives the bytes in their order, whatever is pushed and taken", () => {
  const step = fc.oneof(
    fc.constantFrom(0, 1, 2, 100, 511, 512, 513, 4095, 4096, 20000).map((bytes) => ({ push: bytes })),
    fc.constantFrom(1, 3, 600, 4096, 100000).map((bytes) => ({ take: bytes })),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
      const list = new ChunkList();
      let pushed = 0;
      let taken = 0;
      const check = (chunk: Buffer) => {
        for (const byte of chunk) assert.equal(byte, taken++ % 251);
      };
      for (const step of steps) {
        if ("push" in step) list.push(Buffer.from(Array.from({ length: step.push }, () => pushed++ % 251)));
        else {
          const seen = list.peek();
          const chunk = list.shift(step.take);
          assert.equal(chunk?.length, pushed === taken ? undefined : Math.min(seen!.length, step.take));
          if (chunk !== undefined) check(chunk);
        }
        assert.equal(list.size, pushed - taken);
      }
      check(list.takeAll());
      assert.equal(taken, pushed);
      assert.equal(list.peek(), undefined);
    }),
  );
});

test("what peek gave does not change when more is pushed", () => {
  const list = new ChunkList();
  list.push(Buffer.from("ab"));
  const seen = list.peek();
  list.push(Buffer.from("cd"));
  assert.equal(seen?.toString(), "ab");
  list.shift(2);
  assert.equal(list.takeAll().toString(), "cd");
});

test("a hundred thousand chunks of one byte lie in a few buffers", () => {
  const list = new ChunkList();
  for (let i = 0; i < 100_000; i++) list.push(Buffer.from("x"));
  let buffers = 0;
  while (list.shift(Number.MAX_SAFE_INTEGER) !== undefined) buffers++;
  assert.ok(buffers < 20, `${buffers} buffers`);
});
