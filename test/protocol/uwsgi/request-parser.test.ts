import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { UwsgiParser } from "../../../src/protocol/uwsgi/request-parser.ts";
import { cutAt, everyByte } from "../http1/outcome.ts";
import { outcomeOf, PEER } from "./outcome.ts";
import { connectionBytes, packetOf } from "./packets.ts";

/** What a parser reported, in order; it asks for nothing by itself. */
class Log {
  readonly lines: string[] = [];
  readonly parser = new UwsgiParser(PEER, {
    onHead: ({ path }) => this.lines.push(`head ${path}`),
    onBody: (chunk) => this.lines.push(`body ${chunk.latin1Slice()}`),
    onBodyEnd: (end) => this.lines.push(`end ${end}`),
    onError: ({ message }, head) => this.lines.push(`error ${message} ${head?.path}`),
    onClose: () => this.lines.push("close"),
  });
}

function get(path: string): Buffer {
  return packetOf([["PATH_INFO", path]]);
}

function post(path: string, body: string, length = body.length): Buffer {
  const vars: [string, string][] = [
    ["PATH_INFO", path],
    ["CONTENT_LENGTH", String(length)],
  ];
  return packetOf(vars, body);
}

test("packets one after another: the next is read when it is asked for", () => {
  const { parser, lines } = new Log();
  parser.feed(Buffer.concat([post("/a", "abc"), get("/b")]));
  assert.deepEqual(lines, ["head /a", "body abc", "end complete"]);
  assert.deepEqual([parser.awaiting, parser.headStarted, parser.heldBytes], ["next", false, get("/b").length]);
  parser.next();
  assert.deepEqual(lines.slice(3), ["head /b"]);
  parser.next();
  assert.deepEqual([parser.awaiting, parser.headStarted, parser.heldBytes], ["head", false, 0]);
  assert.throws(() => parser.next(), /awaits head/);
});

test("a body is passed on as it comes, and what follows it is the next packet's", () => {
  const { parser, lines } = new Log();
  const bytes = post("/", "abcdef");
  parser.feed(bytes.subarray(0, -3));
  parser.feed(Buffer.concat([bytes.subarray(-3), get("/")]));
  assert.deepEqual(lines, ["head /", "body abc", "body def", "end complete"]);
});

test("half a head is noticed", () => {
  const { parser } = new Log();
  parser.feed(get("/").subarray(0, 1));
  assert.equal(parser.headStarted, true);
});

const ENDS = [
  { name: "at once", bytes: Buffer.alloc(0), lines: ["close"] },
  { name: "inside the header", bytes: get("/").subarray(0, 3), lines: ["error Invalid uWSGI header: incomplete header undefined"] },
  { name: "inside the variables", bytes: get("/").subarray(0, 9), lines: ["error Invalid uWSGI header: incomplete vars block undefined"] },
  { name: "inside the body", bytes: post("/", "abc", 9), lines: ["head /", "body abc", "end short"] },
];

for (const { name, bytes, lines: expected } of ENDS) {
  test(`the input ends ${name}`, () => {
    const { parser, lines } = new Log();
    parser.feed(bytes);
    parser.eof();
    assert.deepEqual(lines, expected);
  });
}

test("the input ends between two packets", () => {
  const { parser, lines } = new Log();
  parser.feed(get("/"));
  parser.eof();
  parser.next();
  assert.deepEqual(lines, ["head /", "close"]);
});

test("a refusal is the last thing that is reported, and belongs to no request", () => {
  const { parser, lines } = new Log();
  parser.feed(Buffer.concat([get("/"), Buffer.from("GET / HTTP/1.1\r\n\r\n")]));
  parser.next();
  parser.feed(get("/"));
  parser.next();
  parser.eof();
  assert.deepEqual(lines, ["head /", "error Unsupported uWSGI modifier1: 71 undefined"]);
  assert.deepEqual([parser.awaiting, parser.heldBytes], ["closed", 0]);
});

test("a packet with more variables than its u16 can say cannot be held: 65539 bytes are the most", () => {
  const { parser, lines } = new Log();
  parser.feed(Buffer.of(0, 0xff, 0xff, 0));
  parser.feed(Buffer.alloc(65534));
  assert.deepEqual([lines, parser.heldBytes], [[], 65538]);
  parser.feed(Buffer.alloc(1));
  // Empty keys and values, four bytes each, are too many.
  assert.deepEqual([lines, parser.heldBytes], [["error Invalid uWSGI header: too many variables undefined"], 0]);
});

test("close, from outside and from a handler", () => {
  const { parser, lines } = new Log();
  parser.feed(get("/").subarray(0, 3));
  parser.close();
  parser.feed(get("/"));
  parser.eof();
  assert.deepEqual([lines, parser.heldBytes], [[], 0]);
});

test("thousands of pipelined packets do not exhaust the stack", () => {
  const packets = Buffer.concat(Array.from({ length: 20_000 }, () => get("/")));
  assert.equal(outcomeOf([packets]).requests.length, 20_000);
});

test("the outcome does not depend on how the input was cut", () => {
  fc.assert(
    fc.property(connectionBytes, fc.array(fc.nat(400), { maxLength: 6 }), (bytes, places) => {
      const whole = outcomeOf([bytes]);
      assert.deepEqual(outcomeOf(everyByte(bytes)), whole);
      assert.deepEqual(outcomeOf(cutAt(bytes, places)), whole);
    }),
  );
});
