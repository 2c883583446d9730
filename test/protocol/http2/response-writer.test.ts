import assert from "node:assert/strict";
import { test } from "node:test";
import { Http2Response } from "../../../src/protocol/http2/response-writer.ts";
import type { ResponseHead } from "../../../src/request/exchange.ts";
import { GET, headers, settings, windowUpdate } from "./frames.ts";
import { Harness } from "./harness.ts";

const DATE = "D";

function head(status: string, contentLength?: number): ResponseHead {
  const fieldLines = contentLength === undefined ? "" : `Content-Length: ${contentLength}\r\n`;
  return { status, fieldLines, contentLength, close: false };
}

function begin(method = "GET", window?: number): { harness: Harness; response: Http2Response } {
  const harness = new Harness();
  if (window !== undefined) harness.send(settings({ initialWindowSize: window }));
  harness.send(headers(1, [[":method", method], ...GET.slice(1)]));
  harness.frames();
  return { harness, response: new Http2Response(harness.streams[0] ?? assert.fail(), method) };
}

const START = (status: number) => `headers 1 :status=${status} server=tunicorn date=D`;

for (const { name, method = "GET", status, contentLength, body, frames, bodyBytes } of [
  {
    name: "a body",
    status: "200 OK",
    contentLength: 3,
    body: "abc",
    frames: [`${START(200)} content-length=3`, "data 1 3 END"],
    bodyBytes: 3,
  },
  { name: "a body without a length", status: "200", body: "abc", frames: [START(200), "data 1 3 END"], bodyBytes: 3 },
  { name: "an empty body", status: "200 OK", contentLength: 0, body: "", frames: [`${START(200)} content-length=0 END`], bodyBytes: 0 },
  {
    name: "a body to HEAD",
    method: "HEAD",
    status: "200 OK",
    contentLength: 3,
    body: "abc",
    frames: [`${START(200)} content-length=3 END`],
    bodyBytes: 0,
  },
  {
    name: "a body with 304",
    status: "304 Not Modified",
    contentLength: 3,
    body: "abc",
    frames: [`${START(304)} content-length=3 END`],
    bodyBytes: 0,
  },
  {
    name: "a body and a length with 204",
    status: "204 No Content",
    contentLength: 3,
    body: "abc",
    frames: [`${START(204)} END`],
    bodyBytes: 0,
  },
  {
    name: "a body longer than its length",
    status: "200 OK",
    contentLength: 2,
    body: "abc",
    frames: [`${START(200)} content-length=2`, "data 1 2 END"],
    bodyBytes: 2,
  },
  {
    name: "a body shorter than its length",
    status: "200 OK",
    contentLength: 9,
    body: "abc",
    frames: [`${START(200)} content-length=9`, "data 1 3", "rstStream 1 INTERNAL_ERROR"],
    bodyBytes: 3,
  },
  { name: "a final response of 101", status: "101 Switching Protocols", body: "", frames: ["rstStream 1 INTERNAL_ERROR"], bodyBytes: 0 },
] as { name: string; method?: string; status: string; contentLength?: number; body: string; frames: string[]; bodyBytes: number }[]) {
  test(`${name}, whole`, () => {
    const { harness, response } = begin(method);
    response.whole(head(status, contentLength), Buffer.from(body), DATE);
    assert.deepEqual(harness.read(), frames);
    assert.equal(harness.streams[0]?.sentBytes, bodyBytes);
  });

  test(`${name}, in pieces`, () => {
    const { harness, response } = begin(method);
    response.start(head(status, contentLength), DATE);
    for (const byte of Buffer.from(body)) response.body(Buffer.of(byte));
    response.body(Buffer.alloc(0));
    response.end();
    const seen = harness.read();
    // The same but for where the frames are cut: a body's end that is not known in time has a frame of its own.
    const content = (lines: string[]) =>
      lines.filter((line) => line.startsWith("data")).reduce((sum, line) => sum + Number(line.split(" ")[2]), 0);
    assert.equal(seen[0]?.replace(" END", ""), frames[0]?.replace(" END", ""));
    assert.equal(content(seen), content(frames));
    assert.equal(/END|rst/.exec(seen.at(-1) ?? "")?.[0], /END|rst/.exec(frames.at(-1) ?? "")?.[0]);
    assert.equal(harness.streams[0]?.sentBytes, bodyBytes);
  });
}

test("hints before the answer, trailers behind it", () => {
  const { harness, response } = begin();
  response.informational("103 Early Hints", "Link: </a>\r\n");
  response.start(head("200 OK"), DATE);
  response.body(Buffer.from("abc"));
  response.end("Digest: x\r\n");
  assert.deepEqual(harness.read(), ["headers 1 :status=103 link=</a>", START(200), "data 1 3", "headers 1 digest=x END"]);
});

test("a slow client: the worker is asked to wait, and told when to go on", () => {
  const { harness, response } = begin("GET", 0);
  let drained = 0;
  response.onDrain = () => {
    drained += 1;
  };
  response.start(head("200 OK"), DATE);
  assert.equal(response.body(Buffer.alloc(30_000)), true);
  assert.equal(response.body(Buffer.alloc(30_000)), false);
  harness.send(windowUpdate(1, 20_000));
  assert.equal(drained, 0);
  assert.equal(response.size, 40_000);
  harness.send(windowUpdate(1, 20_000));
  assert.equal(drained, 1);
  assert.equal(response.size, 20_000);
  response.end();
  harness.send(windowUpdate(1, 20_000));
  assert.match(harness.read().at(-1) ?? "", / END$/);
});
