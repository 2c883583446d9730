import assert from "node:assert/strict";
import { test } from "node:test";
import { closeHandle, KeptHandles } from "../../src/arbiter/kept-handles.ts";

class Handle {
  closed = 0;
  close(): void {
    this.closed += 1;
  }
}
const ASKED = { index: 0, kind: "tcp", host: "localhost", port: 0 } as const;
const ADDRESS = { index: 0, kind: "tcp", host: "127.0.0.1", port: 8000 } as const;

test("what is replaced is closed, once; what is kept is handed on with its address", () => {
  const kept = new KeptHandles();
  const [first, second, lost, parked, channel, other] = [
    new Handle(),
    new Handle(),
    new Handle(),
    new Handle(),
    new Handle(),
    new Handle(),
  ];
  kept.addListener(ADDRESS, first);
  kept.keepListeners([ASKED]);
  kept.addListener(ADDRESS, second);
  assert.deepEqual(kept.adoptions([]), [[{ cmd: "adopt", what: "listener", ...ADDRESS, asked: ASKED }, first]]);
  kept.keepListeners([ASKED]);
  kept.addListener(ADDRESS, lost);
  kept.dropComing();
  kept.keepParked(1, parked);
  kept.keepGatewayChannel(1, 4711, channel);
  kept.keepParked(0, other);
  assert.deepEqual([first.closed, second.closed, lost.closed], [1, 0, 1]);
  assert.deepEqual(kept.adoptions([1]), [
    [{ cmd: "adopt", what: "listener", ...ADDRESS, asked: ASKED }, second],
    [{ cmd: "adopt", what: "parked", gateway: 1 }, parked],
    [{ cmd: "adopt", what: "gateway-channel", gateway: 1, pid: 4711 }, channel],
  ]);
  assert.equal(kept.adoptions([]).length, 1);
  kept.closeGateway(1);
  kept.closeListeners();
  kept.closeListeners();
  assert.deepEqual(
    [second, parked, channel, other].map(({ closed }) => closed),
    [1, 1, 1, 0],
  );
  assert.deepEqual(kept.adoptions([0, 1]), [[{ cmd: "adopt", what: "parked", gateway: 0 }, other]]);
});

test("the listeners' descriptors are given in the order of the addresses", () => {
  const kept = new KeptHandles();
  kept.addListener({ ...ADDRESS, index: 1 }, { close: () => {}, fd: 20 });
  kept.addListener({ ...ADDRESS, index: 0 }, { close: () => {}, fd: 21 });
  kept.keepListeners([ASKED, { ...ASKED, index: 1 }]);
  assert.deepEqual(kept.listenerDescriptors(), [21, 20]);
  kept.closeListeners();
  assert.deepEqual(kept.listenerDescriptors(), []);
});

test("a listener's file, if it has one", () => {
  const kept = new KeptHandles();
  for (const [index, path] of ["/run/app.sock", "\0abstract", ""].entries()) kept.addListener({ index, kind: "unix", path }, new Handle());
  kept.addListener({ ...ADDRESS, index: 3 }, new Handle());
  assert.equal(kept.fileOfListener(0), undefined, "not before they count");
  kept.keepListeners([]);
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((index) => kept.fileOfListener(index)),
    ["/run/app.sock", undefined, undefined, undefined, undefined],
  );
});

test("closing nothing is no error", () => {
  for (const nothing of [undefined, null, 7, {}]) closeHandle(nothing);
});
