/** Whatever a client sends without end, the parser refuses or has handed on before it holds more than its limits say. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Http1Parser } from "../../../src/protocol/http1/request-parser.ts";
import type { RequestHandler } from "../../../src/protocol/request-parser.ts";
import { type GunicornSettings, peerOf, policyOf } from "./outcome.ts";

const SENT_BYTES = 4 * 1024 * 1024;
const PIECE_BYTES = 1000;
const LINE_MAX = 4094;
const FIELD_MAX = 8190;
/** 100 fields of the largest size, with their line ends and the section's. */
const SECTION_MAX = 100 * (FIELD_MAX + 2) + 4;
const CHUNKED = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

interface Endless {
  readonly name: string;
  readonly before: string;
  readonly again: string;
  /** Bytes that may be held; the piece that goes over the limit is let go with the refusal. */
  readonly heldMax: number;
  readonly settings?: GunicornSettings;
  /** It may go on for ever. */
  readonly sound?: boolean;
}

const ENDLESS: readonly Endless[] = [
  { name: "request line", before: "GET /", again: "a", heldMax: LINE_MAX + 2 },
  { name: "unlimited request line", before: "GET /", again: "a", heldMax: 1024 * 1024 + 2, settings: { limit_request_line: 0 } },
  { name: "line of CR", before: "", again: "\r", heldMax: LINE_MAX + 2 },
  { name: "row of empty lines", before: "", again: "\r\n", heldMax: LINE_MAX + 2 },
  { name: "field", before: "GET / HTTP/1.1\r\n", again: "a", heldMax: SECTION_MAX },
  { name: "value", before: "GET / HTTP/1.1\r\nA: ", again: "a", heldMax: SECTION_MAX },
  { name: "row of fields", before: "GET / HTTP/1.1\r\n", again: "A: b\r\n", heldMax: SECTION_MAX },
  { name: "row of dropped fields", before: "GET / HTTP/1.1\r\n", again: "A_: b\r\n", heldMax: SECTION_MAX },
  {
    name: "folded field",
    before: "GET / HTTP/1.1\r\nA: b\r\n",
    again: " c\r\n",
    heldMax: SECTION_MAX,
    settings: { permit_obsolete_folding: true },
  },
  { name: "chunk size", before: CHUNKED, again: "0", heldMax: FIELD_MAX },
  { name: "chunk extension", before: `${CHUNKED}1;`, again: "a", heldMax: FIELD_MAX },
  { name: "row of blanks behind a chunk's size", before: `${CHUNKED}1`, again: " ", heldMax: FIELD_MAX },
  { name: "trailer", before: `${CHUNKED}0\r\n`, again: "a", heldMax: SECTION_MAX },
  { name: "row of trailers", before: `${CHUNKED}0\r\n`, again: "A: b\r\n", heldMax: SECTION_MAX },
  { name: "row of chunks", before: CHUNKED, again: "1\r\na\r\n", heldMax: PIECE_BYTES, sound: true },
  { name: "chunk", before: `${CHUNKED}1fffffffffffff\r\n`, again: "a", heldMax: 0, sound: true },
  { name: "body", before: "PUT / HTTP/1.1\r\nContent-Length: 9007199254740991\r\n\r\n", again: "a", heldMax: 0, sound: true },
];

class Ignores implements RequestHandler {
  refused = false;

  onHead(): void {}

  onBody(): void {}

  onBodyEnd(): void {}

  onError(): void {
    this.refused = true;
  }

  onClose(): void {}
}

for (const { name, before, again, heldMax, settings = {}, sound = false } of ENDLESS) {
  test(`an endless ${name} holds ${heldMax} bytes at most${sound ? "" : ", and is refused"}`, () => {
    const handler = new Ignores();
    const parser = new Http1Parser(policyOf(settings), peerOf({ trusted: true, secure: false }), handler);
    parser.feed(Buffer.from(before, "latin1"));
    const pieces = Buffer.from(again.repeat(Math.ceil(PIECE_BYTES / again.length)), "latin1");
    let heldBytes = 0;
    for (let sent = 0; sent < SENT_BYTES && !handler.refused; sent += pieces.length) {
      parser.feed(pieces);
      heldBytes = Math.max(heldBytes, parser.heldBytes);
    }
    assert.ok(heldBytes <= heldMax, `${heldBytes} bytes were held`);
    assert.equal(handler.refused, !sound);
  });
}
