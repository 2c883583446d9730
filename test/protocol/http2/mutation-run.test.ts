import assert from "node:assert/strict";
import { test } from "node:test";
import { runMutations } from "./mutation-run.ts";

const FRAMES = 30_000;

test("damaged conversations: no crash, every stream's story in order, the same wherever they are cut", () => {
  const { frames, requests, refused, conversations } = runMutations(FRAMES, 1);
  assert.ok(frames >= FRAMES);
  // Damage that only ever ends the connection at once, or never, would show nothing.
  assert.ok(requests > conversations, `${requests} requests in ${conversations} conversations`);
  assert.ok(refused > conversations / 10 && refused < (conversations * 9) / 10, `${refused} of ${conversations} refused`);
});
