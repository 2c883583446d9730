/**
 * RFC 6455's rules about frames, one by one, beside Gunicorn: the list follows the Autobahn test suite's (1 to 7 framing, pings, reserved
 * bits, opcodes, fragments, UTF-8, closes; 9 and 10 sizes; 12 and 13 compression, which Gunicorn has not).
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, createDeflateRaw, deflateRawSync, inflateRawSync } from "node:zlib";
import { type Case, compareServers } from "./differential.ts";
import { Server } from "./harness.ts";
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  closePayload,
  describe,
  type FrameOptions,
  frame,
  PING,
  PONG,
  TEXT,
  WebsocketClient,
} from "./websocket-client.ts";

const ARGS = ["websocket_cases:application", "-k", "asgi", "-w", "1"];
const BYE = frame(CLOSE, closePayload(1000));
const GOODBYE = ["close 1000", "end"];
const part = (opcode: number, payload: Buffer | string = "", options: FrameOptions = {}) =>
  frame(opcode, payload, { ...options, fin: false });

/** The client sends these frames to an application that echoes; what the server sends until it closes is `seen`. */
function exchange(name: string, frames: readonly Buffer[], seen: readonly string[], tunicorn?: readonly string[]): Case {
  const run = async (server: Server) => {
    const client = await WebsocketClient.accepted(server.address, "/echo");
    try {
      client.send(...frames);
      return { seen: await client.rest() };
    } finally {
      client.close();
    }
  };
  return {
    name,
    run,
    expected: { seen: [...seen, "end"] },
    ...(tunicorn === undefined ? {} : { tunicorn: { seen: [...tunicorn, "end"] } }),
  };
}

const fails = (name: string, code: number, reason: string, ...frames: Buffer[]) => exchange(name, frames, [`close ${code} ${reason}`]);
/** The same with a close behind the last answer: an echo that comes after the client's close is nobody's. */
function echoes(name: string, frames: readonly Buffer[], ...seen: string[]): Case {
  const run = async (server: Server) => {
    const client = await WebsocketClient.accepted(server.address, "/echo");
    try {
      client.send(...frames);
      const answers: string[] = [];
      while (answers.length < seen.length) answers.push(describe((await client.next()) ?? assert.fail("the server closed")));
      client.send(BYE);
      return { seen: [...answers, ...(await client.rest())] };
    } finally {
      client.close();
    }
  };
  return { name, run, expected: { seen: [...seen, ...GOODBYE] } };
}

const SIZES = [0, 1, 125, 126, 127, 128, 65535, 65536];
/** `"κόσμε"`, its bytes cut inside characters too. */
const KOSME = Buffer.from("κόσμε");
const INVALID: readonly (readonly [string, Buffer])[] = [
  ["a lone continuation byte", Buffer.from([0x80])],
  ["a surrogate", Buffer.from([0xed, 0xa0, 0x80])],
  ["an overlong slash", Buffer.from([0xc0, 0xaf])],
  ["beyond the last character", Buffer.from([0xf4, 0x90, 0x80, 0x80])],
  ["a character that is cut", Buffer.concat([Buffer.from("hello"), Buffer.from([0xce])])],
  ["the byte 0xfe", Buffer.from([0xfe])],
];

compareServers("frames of RFC 6455", { args: ARGS }, [
  // 1: sizes of text and binary
  ...SIZES.map((size) => echoes(`text of ${size} bytes`, [frame(TEXT, "x".repeat(size))], `text ${"x".repeat(size)}`)),
  ...SIZES.map((size) => echoes(`binary of ${size} bytes`, [frame(BINARY, Buffer.alloc(size, 0xfe))], `binary ${"\xfe".repeat(size)}`)),
  // 2: pings and pongs
  echoes("a ping of 125 bytes", [frame(PING, "p".repeat(125))], `pong ${"p".repeat(125)}`),
  echoes("pings in a row are answered in order", [frame(PING, "1"), frame(PING, "2"), frame(PING, "3")], "pong 1", "pong 2", "pong 3"),
  echoes("a pong that nobody has asked for is ignored", [frame(PONG, "hello"), frame(TEXT, "a")], "text a"),
  fails("a ping of 126 bytes", 1002, "Invalid control frame", frame(PING, "p".repeat(126))),
  // 3: reserved bits
  ...[0x40, 0x20, 0x10, 0x70].map((bits) => fails(`reserved bits ${bits}`, 1002, "RSV bits set", frame(TEXT, "a", { reserved: bits }))),
  fails("a reserved bit in a ping", 1002, "RSV bits set", frame(PING, "a", { reserved: 0x40 })),
  fails("a reserved bit in a continuation", 1002, "RSV bits set", part(TEXT, "a"), frame(CONTINUATION, "b", { reserved: 0x40 })),
  // 4: opcodes
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => fails(`opcode ${opcode}`, 1002, "Reserved opcode", frame(opcode, "a"))),
  // 5: fragments
  fails("a fragmented ping", 1002, "Invalid control frame", part(PING, "a")),
  fails("a fragmented close", 1002, "Invalid control frame", part(CLOSE, closePayload(1000))),
  echoes("a message in two pieces", [part(TEXT, "one "), frame(CONTINUATION, "two")], "text one two"),
  echoes("a ping between the pieces", [part(BINARY, "one "), frame(PING, "?"), frame(CONTINUATION, "two")], "pong ?", "binary one two"),
  echoes("empty pieces", [part(TEXT), part(CONTINUATION), frame(CONTINUATION)], "text "),
  echoes("an empty piece in the middle", [part(TEXT, "a"), part(CONTINUATION), frame(CONTINUATION, "b")], "text ab"),
  fails("a continuation without a beginning", 1002, "Unexpected continuation", frame(CONTINUATION, "a")),
  fails("a continuation after a whole message", 1002, "Unexpected continuation", frame(CONTINUATION, "a", { fin: false })),
  fails("a message inside another", 1002, "Expected continuation", part(TEXT, "a"), frame(TEXT, "b")),
  fails("a fragmented message inside another", 1002, "Expected continuation", part(TEXT, "a"), part(BINARY, "b")),
  // 5.1 of the RFC: masks
  fails("a frame without a mask", 1002, "Frame not masked", frame(TEXT, "a", { masked: false })),
  fails("an empty frame without a mask", 1002, "Frame not masked", frame(TEXT, "", { masked: false })),
  // 5.2 of the RFC: the shortest form of a length
  fails("125 in 16 bits", 1002, "Non-minimal length", frame(TEXT, "x".repeat(125), { lengthBits: 16 })),
  exchange(
    "65535 in 64 bits",
    [frame(TEXT, "x".repeat(65535), { lengthBits: 64 })],
    ["close 1002 Invalid length"],
    ["close 1002 Non-minimal length"],
  ),
  exchange(
    "a control frame's length in 16 bits",
    [frame(PING, "a", { lengthBits: 16 })],
    ["close 1002 Non-minimal length"],
    ["close 1002 Invalid control frame"],
  ),
  exchange("a length of 2^62 bytes", [frame(BINARY, "", { declaredBytes: 2 ** 62 })], ["close 1009 Message too big"]),
  // 6: UTF-8
  echoes("text beyond ASCII", [frame(TEXT, KOSME)], `text ${KOSME.latin1Slice()}`),
  ...Array.from({ length: KOSME.length - 1 }, (_, at) =>
    echoes(
      `text cut after ${at + 1} bytes`,
      [part(TEXT, KOSME.subarray(0, at + 1)), frame(CONTINUATION, KOSME.subarray(at + 1))],
      `text ${KOSME.latin1Slice()}`,
    ),
  ),
  ...INVALID.map(([name, bytes]) => fails(`text with ${name}`, 1007, "Invalid UTF-8", frame(TEXT, bytes))),
  ...INVALID.map(([name, bytes]) =>
    fails(`text in pieces with ${name}`, 1007, "Invalid UTF-8", part(TEXT, "valid"), frame(CONTINUATION, bytes)),
  ),
  echoes("binary need not be text", [frame(BINARY, INVALID[0]![1])], "binary \x80"),
  // 7: closes
  exchange("nothing counts after a close", [BYE, frame(TEXT, "late"), frame(PING, "late"), BYE], ["close 1000"]),
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999].map((code) =>
    exchange(`close ${code}`, [frame(CLOSE, closePayload(code))], [`close ${code}`]),
  ),
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map((code) =>
    fails(`close ${code}, which nobody may send`, 1002, "Invalid close code", frame(CLOSE, closePayload(code))),
  ),
  exchange("a reason of 123 bytes", [frame(CLOSE, closePayload(1000, "r".repeat(123)))], [`close 1000 ${"r".repeat(123)}`]),
  fails("a reason of 124 bytes", 1002, "Invalid control frame", frame(CLOSE, closePayload(1000, "r".repeat(124)))),
  exchange("a close between the pieces of a message", [part(TEXT, "a"), BYE], ["close 1000"]),
  // 9: many
  echoes(
    "a thousand messages in one packet",
    Array.from({ length: 1000 }, (_, n) => frame(TEXT, String(n))),
    ...Array.from({ length: 1000 }, (_, n) => `text ${n}`),
  ),
  {
    name: "byte by byte",
    run: async (server: Server) => {
      const client = await WebsocketClient.accepted(server.address, "/echo");
      await client.sendBytewise(
        Buffer.concat([part(TEXT, "on"), frame(PING, "?"), frame(CONTINUATION, "e"), frame(BINARY, "x".repeat(130))]),
      );
      const seen = [await client.next(), await client.next(), await client.next()].map((received) => describe(received ?? assert.fail()));
      await client.sendBytewise(BYE);
      return { seen: [...seen, ...(await client.rest())] };
    },
    expected: { seen: ["pong ?", "text one", `binary ${"x".repeat(130)}`, ...GOODBYE] },
  },
]);

// --- permessage-deflate (RFC 7692) -----------------------------------------------------------------------------------

const RSV1 = 0x40;
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

/** One message, compressed by itself: RFC 7692 §7.2.1. */
function deflated(text: string | Buffer): Buffer {
  const bytes = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH, windowBits: 12 });
  return bytes.subarray(0, bytes.length - TAIL.length);
}

const inflated = (payload: Buffer) => inflateRawSync(Buffer.concat([payload, TAIL]), { finishFlush: constants.Z_SYNC_FLUSH }).toString();
const extensionsOf = (client: WebsocketClient) => /^Sec-WebSocket-Extensions: (.*)\r$/m.exec(client.head)?.[1];

const OFFERS: readonly (readonly [offer: string, answer: string | undefined])[] = [
  ["permessage-deflate", "permessage-deflate; server_max_window_bits=12"],
  ["permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=12; server_max_window_bits=12"],
  ["permessage-deflate; client_max_window_bits=10", "permessage-deflate; client_max_window_bits=10; server_max_window_bits=12"],
  [
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12",
  ],
  ["x-webkit-deflate-frame, permessage-deflate", "permessage-deflate; server_max_window_bits=12"],
  // The first that can be accepted.
  ["permessage-deflate; server_max_window_bits=9, permessage-deflate", "permessage-deflate; server_max_window_bits=12"],
  ["permessage-deflate; server_max_window_bits=9", undefined],
  ["permessage-deflate; unknown", undefined],
  ["permessage-deflate; client_max_window_bits=7", undefined],
  ["permessage-deflate; client_max_window_bits=1; client_max_window_bits=9", undefined],
  ["permessage-deflate; =", undefined],
  [",;,", undefined],
  ["x-unknown", undefined],
];

test("permessage-deflate", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: [...ARGS, "--websocket-max-message-size", "1000000"] });
  const { address } = server;
  const open = () => WebsocketClient.accepted(address, "/echo", OFFER);
  const sendAndSee = async (...frames: Buffer[]) => {
    const client = await open();
    client.send(...frames);
    return await client.rest();
  };

  for (const [offer, answer] of OFFERS) {
    await t.test(`offered: ${offer}`, async () => {
      const client = await WebsocketClient.accepted(address, "/echo", `Sec-WebSocket-Extensions: ${offer}\r\n`);
      if (answer === undefined) assert.equal(extensionsOf(client), undefined);
      else assert.deepEqual(new Set(extensionsOf(client)?.split("; ")), new Set(answer.split("; ")));
      client.send(frame(TEXT, "plain"));
      assert.equal(await client.message(), "plain");
      client.close();
    });
  }

  await t.test("a compressed message, answered with one", async () => {
    const client = await open();
    const text = "compress me ".repeat(500);
    client.send(frame(TEXT, deflated(text), { reserved: RSV1 }));
    const answer = await client.next();
    assert.ok(answer !== undefined);
    assert.deepEqual([answer.compressed, inflated(answer.payload)], [true, text]);
    assert.ok(answer.payload.length < text.length / 20);
    client.close();
  });

  await t.test("short messages are sent as they are, also behind long ones", async () => {
    const client = await open();
    const long = "long ".repeat(1000);
    client.send(frame(TEXT, "short"), frame(TEXT, long), frame(TEXT, "short again"));
    const frames = [await client.next(), await client.next(), await client.next()];
    assert.deepEqual(
      frames.map((received) => received?.compressed),
      [false, true, false],
    );
    assert.equal(frames[2]?.payload.toString(), "short again");
    client.send(BYE);
    assert.deepEqual(await client.rest(), GOODBYE);
  });

  await t.test("a compressed message in pieces: only the first has the bit", async () => {
    const client = await open();
    const bytes = deflated("in three pieces");
    const cut = [bytes.subarray(0, 3), bytes.subarray(3, 7), bytes.subarray(7)] as const;
    client.send(part(TEXT, cut[0], { reserved: RSV1 }), part(CONTINUATION, cut[1]), frame(PING, "?"), frame(CONTINUATION, cut[2]));
    assert.equal((await client.next())?.opcode, PONG);
    assert.equal(await client.message(), "in three pieces");
    client.close();
  });

  await t.test("a window that is kept from message to message", async () => {
    const client = await open();
    const deflate = createDeflateRaw({ windowBits: 12 });
    const pieces: Buffer[] = [];
    deflate.on("data", (chunk: Buffer) => pieces.push(chunk));
    const next = async (text: string) => {
      deflate.write(text);
      await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve));
      const bytes = Buffer.concat(pieces.splice(0));
      return bytes.subarray(0, bytes.length - TAIL.length);
    };
    const text = "the same words, the second time much shorter";
    const [first, second] = [await next(text), await next(text)];
    assert.ok(second.length < first.length / 2);
    for (const bytes of [first, second]) {
      client.send(frame(TEXT, bytes, { reserved: RSV1 }));
      assert.equal(await client.message(), text);
    }
    client.close();
  });

  await t.test("a control frame cannot be compressed", async () => {
    assert.deepEqual(await sendAndSee(frame(PING, deflated("x"), { reserved: RSV1 })), ["close 1002 RSV bits set", "end"]);
  });

  await t.test("the bit in a continuation", async () => {
    const seen = await sendAndSee(part(TEXT, deflated("x"), { reserved: RSV1 }), frame(CONTINUATION, "y", { reserved: RSV1 }));
    assert.deepEqual(seen, ["close 1002 RSV bits set", "end"]);
  });

  await t.test("bytes that are no deflate", async () => {
    assert.deepEqual(await sendAndSee(frame(TEXT, Buffer.alloc(20, 0xff), { reserved: RSV1 })), [
      "close 1007 Invalid compressed data",
      "end",
    ]);
  });

  await t.test("invalid UTF-8, compressed", async () => {
    assert.deepEqual(await sendAndSee(frame(TEXT, deflated(Buffer.from([0xff, 0xfe])), { reserved: RSV1 })), [
      "close 1007 Invalid UTF-8",
      "end",
    ]);
  });

  await t.test("a message that inflates to more than the limit", async () => {
    const bomb = deflated(Buffer.alloc(1_000_001));
    assert.ok(bomb.length < 2000);
    assert.deepEqual(await sendAndSee(frame(BINARY, bomb, { reserved: RSV1 })), ["close 1009 Message too big", "end"]);
    const client = await open();
    client.send(frame(BINARY, deflated(Buffer.alloc(1_000_000)), { reserved: RSV1 }));
    assert.equal((await client.next())?.compressed, true);
    client.close();
  });

  await t.test("a bomb in pieces", async () => {
    const bomb = deflated(Buffer.alloc(600_000));
    const bytes = deflated(Buffer.alloc(3_000_000));
    assert.ok(bomb.length < bytes.length);
    const pieces = Array.from({ length: 10 }, (_, n) =>
      bytes.subarray(Math.floor((n * bytes.length) / 10), Math.floor(((n + 1) * bytes.length) / 10)),
    );
    const frames = pieces.map((piece, n) => frame(n === 0 ? BINARY : CONTINUATION, piece, { fin: n === 9, reserved: n === 0 ? RSV1 : 0 }));
    assert.deepEqual(await sendAndSee(...frames), ["close 1009 Message too big", "end"]);
  });

  await t.test("clients that leave while zlib works for them do not stop it for others", async () => {
    const large = frame(BINARY, deflated(Buffer.from(Array.from({ length: 300_000 }, (_, n) => (n * 7919) & 255))), { reserved: RSV1 });
    for (let round = 0; round < 5; round++) {
      const clients = await Promise.all(Array.from({ length: 12 }, open));
      for (const client of clients) {
        client.send(large, large);
        client.socket.resetAndDestroy();
      }
    }
    const client = await open();
    client.send(frame(TEXT, deflated("still here"), { reserved: RSV1 }));
    assert.equal(await client.message(), "still here");
    client.close();
  });
});

test("every message of a size may be in two thousand pieces, but not in a hundred thousand", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ARGS });
  const client = await WebsocketClient.accepted(server.address, "/echo");
  client.send(part(TEXT, "a"), ...Array.from({ length: 2000 }, () => part(CONTINUATION, "b")), frame(CONTINUATION, "c"));
  assert.equal(await client.message(), `a${"b".repeat(2000)}c`);
  client.send(part(TEXT, "a"), ...Array.from({ length: 100_000 }, () => part(CONTINUATION, "b")));
  assert.deepEqual(await client.rest(), ["close 1008 Too many fragments", "end"]);
});
