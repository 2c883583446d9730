import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { type ListenerAddress, Listeners } from "../../src/gateway/listeners.ts";
import { addressOf, attempt, bindLoopback } from "./bound-socket.ts";
import { until } from "./spool-directory.ts";

/** Listeners and what they have reported. */
function observed(t: TestContext) {
  const accepted: { socket: Socket; address: ListenerAddress }[] = [];
  const seen = { listening: 0, accepted };
  const listeners = new Listeners({
    onConnection: (socket, address) => accepted.push({ socket, address }),
    readsThroughSharedBuffer: () => true,
    onListening: () => seen.listening++,
  });
  t.after(() => {
    listeners.close();
    for (const { socket } of accepted) socket.destroy();
  });
  return { listeners, seen };
}

test("it listens once all listeners have been taken, and says by which one a client came", async (t) => {
  const { listeners, seen } = observed(t);
  const [first, second] = [bindLoopback(t), bindLoopback(t)];
  listeners.take(addressOf(first, 0, 2), first.handle);
  assert.equal(await attempt(t, first.port), "connected");
  await until(() => seen.accepted.length === 1);
  assert.equal(seen.listening, 0, "one of two");
  listeners.take(addressOf(second, 1, 2), second.handle);
  await until(() => seen.listening === 1);
  assert.equal(await attempt(t, second.port), "connected");
  await until(() => seen.accepted.length === 2);
  assert.deepEqual(
    seen.accepted.map(({ address }) => [address.index, address.port]),
    [
      [0, first.port],
      [1, second.port],
    ],
  );
});

test("a paused listener is closed, and can be taken again under its number", async (t) => {
  const { listeners, seen } = observed(t);
  const before = bindLoopback(t);
  listeners.take(addressOf(before), before.handle);
  await until(() => seen.listening === 1);
  listeners.pause();
  assert.equal(await attempt(t, before.port), "ECONNREFUSED");
  const after = bindLoopback(t);
  listeners.take(addressOf(after), after.handle);
  await until(() => seen.listening === 2);
  assert.equal(await attempt(t, after.port), "connected");
  await until(() => seen.accepted.length === 1);
});

test("a new set takes the place of the one before when it is complete; clients who wait there are accepted first", async (t) => {
  const { listeners, seen } = observed(t);
  const [before, gone, after] = [bindLoopback(t), bindLoopback(t), bindLoopback(t)];
  listeners.take(addressOf(before, 0, 2), before.handle);
  listeners.take(addressOf(gone, 1, 2), gone.handle);
  await until(() => seen.listening === 1);
  const WAITING = 20;
  const waiting = Array.from({ length: WAITING }, () => attempt(t, gone.port));
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set(["connected"]));
  listeners.take(addressOf(after), after.handle);
  await until(() => seen.listening === 2 && seen.accepted.length === WAITING);
  assert.equal(await attempt(t, after.port), "connected");
  for (const { port } of [before, gone]) {
    let answer = "connected";
    // One that comes at the very moment of the close is reset.
    while (answer !== "ECONNREFUSED") answer = await attempt(t, port);
  }
  assert.equal(seen.listening, 2);
});

test("a set that is not complete leaves the one before where it is; the next set takes its place", async (t) => {
  const { listeners, seen } = observed(t);
  const [before, half, after] = [bindLoopback(t), bindLoopback(t), bindLoopback(t)];
  listeners.take(addressOf(before), before.handle);
  await until(() => seen.listening === 1);
  listeners.take(addressOf(half, 0, 2), half.handle);
  assert.equal(await attempt(t, before.port), "connected");
  listeners.take(addressOf(after), after.handle);
  await until(() => seen.listening === 2);
  assert.equal(await attempt(t, after.port), "connected");
});

test("closed for good: a listener that is still under way is closed as well, and nothing is said", async (t) => {
  const { listeners, seen } = observed(t);
  listeners.close();
  const late = bindLoopback(t);
  listeners.take(addressOf(late), late.handle);
  let answer = "connected";
  while (answer === "connected") answer = await attempt(t, late.port);
  assert.equal(answer, "ECONNREFUSED");
  assert.equal(seen.listening, 0);
});
