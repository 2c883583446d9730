import assert from "node:assert/strict";
import { test } from "node:test";
import { closeHandle, KeptHandles } from "../../src/arbiter/kept-handles.ts";

class Handle {
  closed = 0;
  close(): void {
    this.closed += 1;
  }
}
const ADDRESS = { index: 0, kind: "tcp", host: "127.0.0.1", port: 8000 } as const;

test("what is replaced is closed, once; what is kept is handed on with its address", () => {
  const kept = new KeptHandles();
  const [first, second, parked, channel] = [new Handle(), new Handle(), new Handle(), new Handle()];
  kept.keepListener(ADDRESS, first);
  kept.keepListener(ADDRESS, second);
  kept.keepParked(parked);
  kept.keepGatewayChannel(4711, channel);
  assert.deepEqual([first.closed, second.closed], [1, 0]);
  assert.deepEqual(kept.adoptions(true), [
    [{ cmd: "adopt", what: "listener", ...ADDRESS }, second],
    [{ cmd: "adopt", what: "parked" }, parked],
    [{ cmd: "adopt", what: "gateway-channel", pid: 4711 }, channel],
  ]);
  assert.equal(kept.adoptions(false).length, 1);
  kept.closeGateway();
  kept.closeListeners();
  kept.closeListeners();
  assert.deepEqual(
    [second, parked, channel].map(({ closed }) => closed),
    [1, 1, 1],
  );
  assert.deepEqual(kept.adoptions(true), []);
});

test("closing nothing is no error", () => {
  for (const nothing of [undefined, null, 7, {}]) closeHandle(nothing);
});
