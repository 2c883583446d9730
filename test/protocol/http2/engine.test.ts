import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeField } from "../../../src/protocol/hpack/encoded-field.ts";
import { FLAG, FRAME } from "../../../src/protocol/http2/frame-types.ts";
import { data, frame, GET, HELLO, headers, POST, PREFACE, rstStream, SETTINGS_ACK, settings, windowUpdate, word } from "./frames.ts";
import { Harness } from "./harness.ts";

const TYPE = encodeField("content-type", "text/plain");

test("the server speaks first: its settings, and a larger window for the connection", () => {
  const harness = new Harness({ hello: false });
  assert.deepEqual(harness.read(), ["settings 000300000064" + "00040000ffff" + "000500004000" + "000600010000", "windowUpdate 0 983041"]);
});

test("settings that Gunicorn does not announce are not announced", () => {
  const harness = new Harness({ hello: false, settings: { maxHeaderListSize: 0, extendedConnect: true } });
  assert.deepEqual(harness.read()[0], "settings 000300000064" + "00040000ffff" + "000500004000" + "000800000001");
});

test("a request and its answer, in one write", () => {
  const harness = new Harness();
  harness.send(headers(1));
  assert.deepEqual(harness.events, ["1 GET /"]);
  assert.equal(harness.streams[0]?.requestEnded, true);
  const writesBefore = harness.writes;
  harness.streams[0]?.respond(200, [TYPE], Buffer.from("hello"));
  assert.deepEqual(harness.read(), ["headers 1 :status=200 content-type=text/plain", "data 1 5 END"]);
  assert.equal(harness.writes, writesBefore + 1);
  assert.equal(harness.connection.openStreams, 0);
});

test("an answer without a body ends with its head", () => {
  const harness = new Harness();
  harness.send(headers(1));
  harness.streams[0]?.respond(204, [], Buffer.alloc(0));
  assert.deepEqual(harness.read(), ["headers 1 :status=204 END"]);
});

test("1xx responses come before the final one, and not after", () => {
  const harness = new Harness();
  harness.send(headers(1));
  const [stream] = harness.streams;
  stream?.informational(103, [encodeField("link", "</a>")]);
  stream?.respond(200, [], Buffer.from("x"));
  stream?.informational(103, []);
  assert.deepEqual(harness.read(), ["headers 1 :status=103 link=</a>", "headers 1 :status=200", "data 1 1 END"]);
});

test("a body comes piece by piece, and ends", () => {
  const harness = new Harness();
  harness.send(headers(1, POST, { endStream: false }), data(1, "abc"), data(1, "de", true));
  assert.deepEqual(harness.events, ["1 POST /", "1 body 3", "1 body 2", "1 end"]);
  assert.equal(harness.body(1), "abcde");
});

test("padding is neither content nor kept from the windows", () => {
  const harness = new Harness();
  const padded = Buffer.concat([Buffer.from([200]), Buffer.from("abc"), Buffer.alloc(200)]);
  harness.send(headers(1, POST, { endStream: false }));
  for (let i = 0; i < 400; i += 1) harness.send(frame(FRAME.data, FLAG.padded, 1, padded));
  assert.equal(harness.body(1), "abc".repeat(400));
  // 400 * 204 bytes are more than a stream's window: it has been given back.
  assert.equal(harness.end, undefined);
});

test("trailers end a request", () => {
  const harness = new Harness();
  harness.send(headers(1, POST, { endStream: false }), data(1, "abc"), headers(1, [["digest", "x"]]));
  assert.deepEqual(harness.events, ["1 POST /", "1 body 3", "1 end"]);
  assert.deepEqual(harness.streams[0]?.trailers?.values, ["x"]);
});

for (const { name, fields } of [
  { name: "a pseudo-header", fields: [[":path", "/"]] },
  { name: "a field of framing", fields: [["content-length", "1"]] },
  { name: "a field of a connection", fields: [["connection", "x"]] },
  { name: "upper case", fields: [["Digest", "x"]] },
  { name: "a control character", fields: [["digest", "a\nb"]] },
  { name: "too many fields", fields: Array.from({ length: 101 }, (_, i): [string, string] => [`x-${i}`, ""]) },
] as { name: string; fields: [string, string][] }[]) {
  test(`trailers with ${name} break the stream`, () => {
    const harness = new Harness();
    harness.send(headers(1, POST, { endStream: false }), headers(1, fields));
    assert.deepEqual(harness.read(), ["rstStream 1 PROTOCOL_ERROR"]);
    assert.deepEqual(harness.events, ["1 POST /", "1 left PROTOCOL_ERROR"]);
  });
}

test("a header block may come in pieces", () => {
  const harness = new Harness();
  const whole = headers(1).subarray(9);
  harness.send(frame(FRAME.headers, FLAG.endStream, 1, whole.subarray(0, 3)));
  harness.send(frame(FRAME.continuation, 0, 1, whole.subarray(3, 10)), frame(FRAME.continuation, FLAG.endHeaders, 1, whole.subarray(10)));
  assert.deepEqual(harness.events, ["1 GET /"]);
});

test("priorities are read over", () => {
  const harness = new Harness();
  const priority = Buffer.from("0000000bff", "hex");
  harness.send(frame(FRAME.priority, 0, 7, priority));
  harness.send(
    frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream | FLAG.priority, 1, Buffer.concat([priority, headers(1).subarray(9)])),
  );
  assert.deepEqual(harness.events, ["1 GET /"]);
});

test("unknown frames and settings are read over", () => {
  const harness = new Harness();
  harness.send(frame(0x16, 0xff, 99, 100), frame(FRAME.settings, 0, 0, Buffer.from("00ff00000001", "hex")), headers(1));
  assert.deepEqual(harness.read(), ["settings ACK"]);
  assert.deepEqual(harness.events, ["1 GET /"]);
});

test("PING is answered with what it brought", () => {
  const harness = new Harness();
  harness.send(frame(FRAME.ping, 0, 0, Buffer.from("12345678")));
  assert.deepEqual(harness.read(), ["ping ACK 3132333435363738"]);
});

test("the client cancels a request", () => {
  const harness = new Harness();
  harness.send(headers(1, POST, { endStream: false }), rstStream(1));
  assert.deepEqual(harness.events, ["1 POST /", "1 left CANCEL"]);
  harness.streams[0]?.respond(200, [], Buffer.from("late"));
  harness.streams[0]?.consumed(1);
  assert.deepEqual(harness.read(), []);
});

test("the server cancels a request, and what is still under way does not matter", () => {
  const harness = new Harness();
  harness.send(headers(1, POST, { endStream: false }));
  harness.streams[0]?.reset("INTERNAL_ERROR");
  harness.send(data(1, "late"), headers(1, [["digest", "x"]]), rstStream(1), windowUpdate(1, 5));
  assert.deepEqual(harness.read(), ["rstStream 1 INTERNAL_ERROR"]);
  assert.deepEqual(harness.events, ["1 POST /"]);
});

test("an answer before the body's end says that the rest is not wanted", () => {
  const harness = new Harness();
  harness.send(headers(1, POST, { endStream: false }), data(1, "abc"));
  harness.streams[0]?.respond(413, [], Buffer.from("no"));
  harness.send(data(1, 16384), data(1, 16384), data(1, 0, true));
  assert.deepEqual(harness.read(), ["headers 1 :status=413", "data 1 2 END", "rstStream 1 NO_ERROR"]);
  assert.deepEqual(harness.events, ["1 POST /", "1 body 3"]);
});

test("a request that policy refuses is answered on its stream", () => {
  const harness = new Harness();
  harness.send(headers(1, [...GET, ["content-length", "x"]]), headers(3));
  assert.deepEqual(harness.events, ["1 refused bad-content-length", "3 GET /"]);
  harness.streams[0]?.respond(400, [], Buffer.from("page"));
  assert.deepEqual(harness.read(), ["headers 1 :status=400", "data 1 4 END"]);
});

test("fields that are too large are refused, and the connection goes on", () => {
  const harness = new Harness({ settings: { maxHeaderListSize: 1000 } });
  harness.send(headers(1, [...GET, ["x-a", "v".repeat(1000)]]), headers(3));
  assert.deepEqual(harness.events, ["1 refused headers-too-large", "3 GET /"]);
});

test("a malformed request is reset, and the connection goes on", () => {
  const harness = new Harness();
  harness.send(headers(1, [...GET, ["connection", "x"]]), headers(3));
  assert.deepEqual(harness.events, ["3 GET /"]);
  assert.deepEqual(harness.read(), ["rstStream 1 PROTOCOL_ERROR"]);
});

test("more streams than allowed are refused", () => {
  const harness = new Harness({ settings: { maxConcurrentStreams: 2 } });
  harness.send(headers(1), headers(3), headers(5));
  assert.deepEqual(harness.read(), ["rstStream 5 REFUSED_STREAM"]);
  harness.streams[0]?.respond(200, [], Buffer.from("x"));
  harness.send(headers(7));
  assert.deepEqual(harness.events, ["1 GET /", "3 GET /", "7 GET /"]);
});

const LENGTHS: readonly { name: string; length: string; frames: Buffer[]; events: string[] }[] = [
  { name: "as long as said", length: "3", frames: [data(1, "abc", true)], events: ["1 body 3", "1 end"] },
  { name: "as long as said, with an empty end", length: "3", frames: [data(1, "abc"), data(1, "", true)], events: ["1 body 3", "1 end"] },
  { name: "too short", length: "3", frames: [data(1, "ab", true)], events: ["1 body 2", "1 left PROTOCOL_ERROR"] },
  { name: "too short, with trailers", length: "3", frames: [headers(1, [])], events: ["1 left PROTOCOL_ERROR"] },
  { name: "too long", length: "3", frames: [data(1, "abcd")], events: ["1 left PROTOCOL_ERROR"] },
  { name: "said to be empty", length: "0", frames: [data(1, "", true)], events: ["1 end"] },
  { name: "said to be empty and not so", length: "0", frames: [data(1, "a", true)], events: ["1 left PROTOCOL_ERROR"] },
];

for (const { name, length, frames, events } of LENGTHS) {
  test(`a body with Content-Length, ${name}`, () => {
    const harness = new Harness();
    harness.send(headers(1, [...POST, ["content-length", length]], { endStream: false }), ...frames);
    assert.deepEqual(harness.events.slice(1), events);
    assert.equal(harness.end, undefined);
  });
}

/** What ends the connection, and how. */
const FATAL: readonly { name: string; bytes: Buffer[]; code: string; last?: number; hello?: false }[] = [
  { name: "another preface", hello: false, bytes: [Buffer.from("GET / HTTP/1.1\r\n\r\n")], code: "PROTOCOL_ERROR" },
  { name: "a first frame that is not SETTINGS", hello: false, bytes: [PREFACE, frame(FRAME.ping, 0, 0, 8)], code: "PROTOCOL_ERROR" },
  { name: "a first frame that is an ACK", hello: false, bytes: [PREFACE, SETTINGS_ACK], code: "PROTOCOL_ERROR" },
  { name: "a frame longer than announced", bytes: [frame(FRAME.data, 0, 1, 16385)], code: "FRAME_SIZE_ERROR" },
  { name: "DATA on the connection", bytes: [data(0, "x")], code: "PROTOCOL_ERROR" },
  { name: "DATA on an idle stream", bytes: [data(1, "x")], code: "PROTOCOL_ERROR" },
  {
    name: "DATA without its pad length",
    bytes: [headers(1, POST, { endStream: false }), frame(FRAME.data, FLAG.padded, 1, 0)],
    code: "FRAME_SIZE_ERROR",
    last: 1,
  },
  {
    name: "DATA shorter than its padding",
    bytes: [headers(1, POST, { endStream: false }), frame(FRAME.data, FLAG.padded, 1, Buffer.from([2, 0]))],
    code: "PROTOCOL_ERROR",
    last: 1,
  },
  { name: "HEADERS on the connection", bytes: [headers(0)], code: "PROTOCOL_ERROR" },
  { name: "HEADERS on an even stream", bytes: [headers(2)], code: "PROTOCOL_ERROR" },
  { name: "HEADERS on a stream before the last", bytes: [headers(5), headers(3)], code: "STREAM_CLOSED", last: 5 },
  {
    name: "HEADERS shorter than its padding",
    bytes: [frame(FRAME.headers, FLAG.padded | FLAG.endHeaders, 1, Buffer.from([9, 0]))],
    code: "PROTOCOL_ERROR",
  },
  { name: "HEADERS without its pad length", bytes: [frame(FRAME.headers, FLAG.padded | FLAG.endHeaders, 1, 0)], code: "FRAME_SIZE_ERROR" },
  {
    name: "HEADERS shorter than its priority",
    bytes: [frame(FRAME.headers, FLAG.priority | FLAG.endHeaders, 1, 4)],
    code: "FRAME_SIZE_ERROR",
  },
  {
    name: "a stream that depends on itself",
    bytes: [frame(FRAME.priority, 0, 3, Buffer.concat([word(3), Buffer.from([1])]))],
    code: "PROTOCOL_ERROR",
  },
  {
    name: "a block that cannot be decoded",
    bytes: [frame(FRAME.headers, FLAG.endHeaders, 1, Buffer.from([0x80]))],
    code: "COMPRESSION_ERROR",
  },
  { name: "a frame within a block", bytes: [frame(FRAME.headers, 0, 1, 0), frame(FRAME.ping, 0, 0, 8)], code: "PROTOCOL_ERROR" },
  {
    name: "another stream's CONTINUATION",
    bytes: [frame(FRAME.headers, 0, 1, 0), frame(FRAME.continuation, 4, 3, 0)],
    code: "PROTOCOL_ERROR",
  },
  { name: "CONTINUATION without HEADERS", bytes: [frame(FRAME.continuation, 4, 1, 0)], code: "PROTOCOL_ERROR" },
  { name: "PRIORITY on the connection", bytes: [frame(FRAME.priority, 0, 0, 5)], code: "PROTOCOL_ERROR" },
  { name: "PRIORITY of another length", bytes: [frame(FRAME.priority, 0, 1, 4)], code: "FRAME_SIZE_ERROR" },
  { name: "RST_STREAM on the connection", bytes: [rstStream(0)], code: "PROTOCOL_ERROR" },
  { name: "RST_STREAM on an idle stream", bytes: [rstStream(1)], code: "PROTOCOL_ERROR" },
  { name: "RST_STREAM of another length", bytes: [headers(1), frame(FRAME.rstStream, 0, 1, 3)], code: "FRAME_SIZE_ERROR", last: 1 },
  { name: "SETTINGS on a stream", bytes: [frame(FRAME.settings, 0, 1, 0)], code: "PROTOCOL_ERROR" },
  { name: "SETTINGS with ACK and a payload", bytes: [frame(FRAME.settings, FLAG.ack, 0, 6)], code: "FRAME_SIZE_ERROR" },
  { name: "SETTINGS that are cut", bytes: [frame(FRAME.settings, 0, 0, 5)], code: "FRAME_SIZE_ERROR" },
  { name: "SETTINGS_ENABLE_PUSH of 2", bytes: [settings({ enablePush: 2 })], code: "PROTOCOL_ERROR" },
  { name: "SETTINGS_INITIAL_WINDOW_SIZE of 2^31", bytes: [settings({ initialWindowSize: 2 ** 31 })], code: "FLOW_CONTROL_ERROR" },
  { name: "SETTINGS_MAX_FRAME_SIZE of 16383", bytes: [settings({ maxFrameSize: 16383 })], code: "PROTOCOL_ERROR" },
  { name: "SETTINGS_MAX_FRAME_SIZE of 2^24", bytes: [settings({ maxFrameSize: 2 ** 24 })], code: "PROTOCOL_ERROR" },
  { name: "PUSH_PROMISE", bytes: [headers(1), frame(FRAME.pushPromise, 4, 1, 4)], code: "PROTOCOL_ERROR", last: 1 },
  { name: "PING on a stream", bytes: [frame(FRAME.ping, 0, 1, 8)], code: "PROTOCOL_ERROR" },
  { name: "PING of another length", bytes: [frame(FRAME.ping, 0, 0, 7)], code: "FRAME_SIZE_ERROR" },
  { name: "GOAWAY on a stream", bytes: [frame(FRAME.goaway, 0, 1, 8)], code: "PROTOCOL_ERROR" },
  { name: "GOAWAY that is cut", bytes: [frame(FRAME.goaway, 0, 0, 7)], code: "FRAME_SIZE_ERROR" },
  { name: "WINDOW_UPDATE of another length", bytes: [frame(FRAME.windowUpdate, 0, 0, 5)], code: "FRAME_SIZE_ERROR" },
  { name: "WINDOW_UPDATE on an idle stream", bytes: [windowUpdate(1, 1)], code: "PROTOCOL_ERROR" },
  { name: "WINDOW_UPDATE by nothing", bytes: [windowUpdate(0, 0)], code: "PROTOCOL_ERROR" },
  { name: "a window above 2^31-1", bytes: [windowUpdate(0, 2 ** 31 - 1)], code: "FLOW_CONTROL_ERROR" },
];

for (const { name, bytes, code, last = 0, hello = true } of FATAL) {
  test(`${name} ends the connection: ${code}`, () => {
    const harness = new Harness({ hello });
    harness.send(...bytes);
    assert.equal(harness.read().at(-1), `goaway ${last} ${code}`);
    assert.equal(harness.end?.code, code);
    harness.send(HELLO, headers(99));
    assert.deepEqual(harness.read(), []);
  });
}

/** What ends a stream, and how. */
const BREAKING: readonly { name: string; bytes: Buffer[]; code: string }[] = [
  { name: "DATA behind the request's end", bytes: [data(1, "x")], code: "STREAM_CLOSED" },
  { name: "HEADERS behind the request's end", bytes: [headers(1)], code: "STREAM_CLOSED" },
  { name: "WINDOW_UPDATE by nothing", bytes: [windowUpdate(1, 0)], code: "PROTOCOL_ERROR" },
  { name: "a window above 2^31-1", bytes: [windowUpdate(1, 2 ** 31 - 1)], code: "FLOW_CONTROL_ERROR" },
];

for (const { name, bytes, code } of BREAKING) {
  test(`${name} ends the stream: ${code}`, () => {
    const harness = new Harness();
    harness.send(headers(1), ...bytes, headers(3));
    assert.deepEqual(harness.read(), [`rstStream 1 ${code}`]);
    assert.deepEqual(harness.events, ["1 GET /", `1 left ${code}`, "3 GET /"]);
  });
}

test("trailers that do not end the request break the stream", () => {
  const harness = new Harness();
  harness.send(headers(1, POST, { endStream: false }), headers(1, [["digest", "x"]], { endStream: false }));
  assert.deepEqual(harness.read(), ["rstStream 1 PROTOCOL_ERROR"]);
});

test("DATA on a stream that is done is answered by RST_STREAM", () => {
  const harness = new Harness();
  harness.send(headers(1));
  harness.streams[0]?.respond(200, [], Buffer.from("x"));
  harness.read();
  harness.send(data(1, "x"), data(1, "x"), windowUpdate(1, 1), rstStream(1));
  assert.deepEqual(harness.read(), ["rstStream 1 STREAM_CLOSED"]);
  assert.equal(harness.end, undefined);
});

test("the client's GOAWAY: what it asked is answered, then the connection ends", () => {
  const harness = new Harness();
  harness.send(headers(1), frame(FRAME.goaway, 0, 0, 20));
  assert.equal(harness.connection.openStreams, 1);
  harness.streams[0]?.respond(200, [], Buffer.from("x"));
  assert.deepEqual(harness.read(), ["headers 1 :status=200", "data 1 1 END"]);
  assert.equal(harness.end?.code, "NO_ERROR");
});

test("the server's GOAWAY has two steps, so that no request is lost that was under way", () => {
  const harness = new Harness();
  harness.send(headers(1));
  harness.connection.drain();
  harness.connection.drain();
  assert.deepEqual(harness.read(), ["goaway 2147483647 NO_ERROR", "ping 74756e69636f726e"]);
  harness.send(headers(3), frame(FRAME.ping, FLAG.ack, 0, Buffer.from("tunicorn")));
  assert.deepEqual(harness.read(), ["goaway 3 NO_ERROR"]);
  harness.send(headers(5));
  assert.deepEqual(harness.read(), ["rstStream 5 REFUSED_STREAM"]);
  assert.deepEqual(harness.events, ["1 GET /", "3 GET /"]);
  harness.streams[0]?.respond(200, [], Buffer.from("x"));
  assert.equal(harness.connection.openStreams, 1);
  harness.streams[1]?.respond(200, [], Buffer.from("x"));
  assert.equal(harness.end?.code, "NO_ERROR");
});

test("a client that does not answer is told the last request all the same", () => {
  const harness = new Harness();
  harness.connection.drain();
  harness.connection.settleDrain();
  assert.deepEqual(harness.read(), ["goaway 2147483647 NO_ERROR", "ping 74756e69636f726e", "goaway 0 NO_ERROR"]);
  assert.equal(harness.end?.code, "NO_ERROR");
});

test("the server closes for a reason of its own", () => {
  const harness = new Harness();
  harness.send(headers(1));
  harness.connection.close("NO_ERROR", "idle for 2 s");
  assert.deepEqual(harness.read(), ["goaway 1 NO_ERROR"]);
  assert.deepEqual(harness.end, { code: "NO_ERROR", reason: "idle for 2 s" });
  assert.deepEqual(harness.events, ["1 GET /", "1 left NO_ERROR"]);
});

test("a client that has gone takes its requests with it", () => {
  const harness = new Harness();
  harness.send(headers(1), headers(3));
  harness.connection.clientLeft();
  harness.connection.clientLeft();
  assert.deepEqual(harness.events, ["1 GET /", "3 GET /", "1 left CANCEL", "3 left CANCEL"]);
  harness.streams[0]?.respond(200, [], Buffer.from("x"));
  assert.deepEqual(harness.read(), []);
});

test("a header block longer than a frame is sent in several, with nothing between", () => {
  const harness = new Harness();
  harness.send(headers(1));
  const fields = Array.from({ length: 5 }, (_, i) => encodeField(`x-${i}`, `${i}`.repeat(8000)));
  harness.streams[0]?.respond(200, fields, Buffer.from("x"));
  const frames = harness.frames();
  assert.deepEqual(
    frames.map(({ type, flags }) => [type, flags]),
    [
      [FRAME.headers, 0],
      [FRAME.continuation, 0],
      [FRAME.continuation, FLAG.endHeaders],
      [FRAME.data, FLAG.endStream],
    ],
  );
  const block = Buffer.concat(frames.slice(0, 3).map(({ payload }) => payload));
  assert.deepEqual(harness.decode(block), [":status=200", ...fields.map(({ name, value }) => `${name}=${value}`)]);
});

test("a request that HTTP/1 brought goes on as stream 1", () => {
  const first = new Harness();
  first.send(headers(1));
  const harness = new Harness({ hello: false });
  harness.frames();
  harness.connection.upgrade(settings({ initialWindowSize: 3 }).subarray(9), first.heads[0] ?? assert.fail());
  assert.deepEqual(harness.events, ["1 GET /"]);
  harness.send(HELLO);
  harness.streams[0]?.respond(200, [], Buffer.from("hello"));
  // The client's SETTINGS proper did not name a window, so the one of the upgrade holds.
  assert.deepEqual(harness.read(), ["settings ACK", "headers 1 :status=200", "data 1 3"]);
  harness.send(headers(3), windowUpdate(1, 10));
  assert.deepEqual(harness.read(), ["data 1 2 END"]);
  assert.deepEqual(harness.events, ["1 GET /", "3 GET /"]);
});
