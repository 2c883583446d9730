import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeField } from "../../../src/protocol/hpack/encoded-field.ts";
import type { BodySource } from "../../../src/protocol/http2/stream.ts";
import { headers, settings, windowUpdate } from "./frames.ts";
import { Harness } from "./harness.ts";

/** A body that grows while it is sent. */
class Source implements BodySource {
  size = 0;
  ended = false;
  trailers: BodySource["trailers"];
  reads = 0;

  read(bytesMax: number): Buffer {
    this.reads += 1;
    const bytes = Math.min(bytesMax, this.size);
    assert.ok(bytes > 0, "only asked for what there is");
    this.size -= bytes;
    return Buffer.alloc(bytes);
  }
}

function started(...ids: number[]): { harness: Harness; sources: Source[] } {
  const harness = new Harness();
  harness.send(...ids.map((id) => headers(id)));
  const sources = ids.map(() => new Source());
  harness.streams.forEach((stream, i) => {
    stream.start(200, [], sources[i]);
  });
  harness.read();
  return { harness, sources };
}

test("a source is asked only for what may go", () => {
  const { harness, sources } = started(1);
  const source = sources[0]!;
  source.size = 100_000;
  harness.streams[0]?.dataReady();
  assert.deepEqual(harness.read(), ["data 1 16375", "data 1 16375", "data 1 16375", "data 1 16375", "data 1 35"]);
  assert.equal(source.size, 100_000 - 65535);
  assert.equal(source.reads, 5);
  assert.equal(harness.streams[0]?.pendingBytes, 100_000 - 65535);
  assert.equal(harness.streams[0]?.sentBytes, 65535);
});

test("streams take turns, a frame each", () => {
  const { harness, sources } = started(1, 3, 5);
  harness.send(settings({ initialWindowSize: 1 << 20 }));
  for (const source of sources) source.size = 200_000;
  // The first uses up the connection's window; then all three wait for more.
  for (const stream of harness.streams) stream.dataReady();
  harness.frames();
  harness.send(windowUpdate(0, 6 * 16375));
  assert.deepEqual(
    harness.frames().map(({ streamId }) => streamId),
    [1, 3, 5, 1, 3, 5],
  );
});

test("many streams share the connection's window to within a frame", () => {
  const ids = Array.from({ length: 20 }, (_, i) => 2 * i + 1);
  const harness = new Harness();
  harness.send(settings({ initialWindowSize: 1 << 20 }), ...ids.map((id) => headers(id)));
  const sources = ids.map(() => new Source());
  harness.streams.forEach((stream, i) => {
    stream.start(200, [], sources[i]);
    sources[i]!.size = 1 << 20;
  });
  for (const stream of harness.streams) stream.dataReady();
  const sent = new Map<number, number>();
  for (let i = 0; i < 50; i += 1) {
    for (const { streamId, type, payload } of harness.frames()) {
      if (type === 0) sent.set(streamId, (sent.get(streamId) ?? 0) + payload.length);
    }
    harness.send(windowUpdate(0, 50_000));
  }
  const shares = ids.map((id) => sent.get(id) ?? 0);
  // The first had the first window to itself; the others have had as many turns as one another, or one more.
  const spread = Math.max(...shares.slice(1)) - Math.min(...shares.slice(1));
  assert.ok(spread <= 2 * 16375, `shares ${shares}`);
  assert.equal(
    shares.reduce((sum, share) => sum + share, 0),
    65535 + 49 * 50_000,
  );
});

test("a stream without a window of its own does not hold up the others", () => {
  const { harness, sources } = started(1, 3);
  harness.send(windowUpdate(0, 1_000_000));
  sources[0]!.size = 70_000;
  harness.streams[0]?.dataReady();
  harness.read();
  sources[1]!.size = 10;
  sources[1]!.ended = true;
  harness.streams[1]?.dataReady();
  assert.deepEqual(harness.read(), ["data 3 10 END"]);
  harness.send(windowUpdate(1, 1000));
  assert.deepEqual(harness.read(), ["data 1 1000"]);
});

test("an end needs no window", () => {
  const { harness, sources } = started(1);
  sources[0]!.size = 65535;
  harness.streams[0]?.dataReady();
  harness.read();
  sources[0]!.ended = true;
  harness.streams[0]?.dataReady();
  assert.deepEqual(harness.read(), ["data 1 0 END"]);
  harness.streams[0]?.dataReady();
  assert.deepEqual(harness.read(), []);
});

test("trailers come behind the body", () => {
  const { harness, sources } = started(1);
  sources[0]!.size = 3;
  sources[0]!.ended = true;
  sources[0]!.trailers = [encodeField("digest", "x")];
  harness.streams[0]?.dataReady();
  assert.deepEqual(harness.read(), ["data 1 3", "headers 1 digest=x END"]);
  assert.equal(harness.connection.openStreams, 0);
});

test("bodies wait while the client does not read, and go on when it does", () => {
  const { harness, sources } = started(1);
  harness.clientReads = false;
  harness.send(windowUpdate(0, 1_000_000), windowUpdate(1, 1_000_000));
  sources[0]!.size = 1_000_000;
  harness.streams[0]?.dataReady();
  harness.read();
  const sent = 1_000_000 - sources[0]!.size;
  assert.ok(sent <= 65536, `${sent} bytes were written for a client that does not read`);
  harness.send(windowUpdate(1, 1));
  assert.equal(1_000_000 - sources[0]!.size, sent);
  harness.clientReads = true;
  harness.connection.drained();
  assert.equal(sources[0]!.size, 0);
});

test("a source may bring more, or end, while it is asked", () => {
  const { harness, sources } = started(1);
  const source = sources[0]!;
  let left = 5;
  source.read = () => {
    source.size = 0;
    if (left-- > 0) {
      source.size = 1;
      harness.streams[0]?.dataReady();
    } else source.ended = true;
    return Buffer.from("x");
  };
  source.size = 1;
  harness.streams[0]?.dataReady();
  assert.deepEqual(harness.read(), [...Array.from({ length: 5 }, () => "data 1 1"), "data 1 1 END"]);
});

test("a source may find while it is asked that the stream must end", () => {
  const { harness, sources } = started(1);
  sources[0]!.read = () => {
    harness.streams[0]?.reset("INTERNAL_ERROR");
    return Buffer.from("x");
  };
  sources[0]!.size = 1;
  harness.streams[0]?.dataReady();
  assert.deepEqual(harness.read(), ["rstStream 1 INTERNAL_ERROR"]);
});

test("a smaller window of the client's moves open streams below zero", () => {
  const { harness, sources } = started(1);
  sources[0]!.size = 65535;
  harness.streams[0]?.dataReady();
  harness.send(settings({ initialWindowSize: 100 }), windowUpdate(0, 1_000_000));
  harness.read();
  sources[0]!.size = 10;
  harness.streams[0]?.dataReady();
  harness.send(windowUpdate(1, 65435));
  assert.deepEqual(harness.read(), []);
  harness.send(windowUpdate(1, 4));
  assert.deepEqual(harness.read(), ["data 1 4"]);
});

test("the ACK of settings comes before what they let go", () => {
  const harness = new Harness();
  harness.send(settings({ initialWindowSize: 0 }), headers(1));
  harness.streams[0]?.respond(200, [], Buffer.from("abc"));
  assert.deepEqual(harness.read(), ["settings ACK", "headers 1 :status=200"]);
  harness.send(settings({ initialWindowSize: 2 }));
  assert.deepEqual(harness.read(), ["settings ACK", "data 1 2"]);
});

test("settings that make a window too large end the connection", () => {
  const harness = new Harness();
  harness.send(headers(1), windowUpdate(1, 2 ** 31 - 1 - 65535), settings({ initialWindowSize: 65536 }));
  assert.equal(harness.end?.code, "FLOW_CONTROL_ERROR");
});

test("an answer is copied when it cannot go at once", () => {
  const harness = new Harness();
  harness.send(headers(1));
  const body = Buffer.alloc(70_000, "a");
  harness.streams[0]?.respond(200, [], body);
  body.fill("b");
  harness.send(windowUpdate(0, 70_000), windowUpdate(1, 70_000));
  const sent = Buffer.concat(harness.frames().flatMap(({ type, payload }) => (type === 0 ? [payload] : [])));
  assert.equal(sent.latin1Slice(), "a".repeat(70_000));
});
