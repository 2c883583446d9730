import assert from "node:assert/strict";
import { test } from "node:test";
import { areSameAddresses, listenerUrls, wantedAddresses } from "../../src/lifecycle/listening.ts";
import type { ListenAddress } from "../../src/lifecycle/messages.ts";
import { createState } from "../../src/lifecycle/state.ts";
import { PLAN, World } from "./world.ts";

const tcp = (port: number, index = 0): ListenAddress => ({ index, kind: "tcp", host: "127.0.0.1", port });

test("wanted are the addresses of the newest plan, then those that older ones still need, each once", () => {
  const state = createState({ ...PLAN, addresses: [tcp(2), tcp(3, 1)] }, 0);
  state.fallback = { plan: { ...PLAN, addresses: [tcp(1), tcp(2, 1)] }, target: 1 };
  assert.deepEqual(wantedAddresses(state), [tcp(2), tcp(3, 1), tcp(1, 2)]);
  const read = { status: "ok" as const, plan: { ...PLAN, addresses: [tcp(4), tcp(1, 1)] }, lines: [] };
  state.reload = { at: "binding", read, failed: undefined, retryAtMs: undefined };
  assert.deepEqual(wantedAddresses(state), [tcp(4), tcp(1, 1), tcp(2, 2), tcp(3, 3)]);
});

test("the same addresses in another order are others", () => {
  assert.ok(areSameAddresses([tcp(1), tcp(2, 1)], [tcp(1), tcp(2, 1)]));
  assert.ok(!areSameAddresses([tcp(1), tcp(2, 1)], [tcp(2), tcp(1, 1)]));
});

test("only the plan's own listeners are shown", () => {
  const state = createState({ ...PLAN, addresses: [tcp(1)], tls: true }, 0);
  state.listeners = [tcp(1), tcp(9, 1)];
  assert.equal(listenerUrls(state), "https://127.0.0.1:1");
});

test("only the last of several binds has consequences", () => {
  const world = new World({ workers: 1 });
  world.run(() => world.isSettled());
  world.state.binds = [[tcp(5)], world.plan.addresses];
  world.said({ ev: "listening", ...tcp(5) });
  assert.deepEqual(
    world.said({ ev: "bound" }).map((command) => command.do),
    ["keep-listeners"],
  );
  world.said({ ev: "listening", ...tcp(8000) });
  const done = world.said({ ev: "bound" });
  assert.ok(done.some((command) => command.do === "tell-nursery" && command.message.cmd === "listen-again"));
});
