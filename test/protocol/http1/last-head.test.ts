import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HeldBytes } from "../../../src/protocol/held-bytes.ts";
import { LastHead } from "../../../src/protocol/http1/last-head.ts";
import { Http1Parser } from "../../../src/protocol/http1/request-parser.ts";
import type { RequestHandler } from "../../../src/protocol/request-parser.ts";
import type { RequestHead } from "../../../src/request/request-head.ts";
import { requestHead } from "../../gateway/memory-exchange.ts";
import { hostileCase } from "./hostile-cases.ts";
import { cutAt, type GunicornSettings, peerOf, policyOf } from "./outcome.ts";

const HEAD = requestHead("GET", "/");

function held(text: string): HeldBytes {
  const bytes = new HeldBytes();
  bytes.append(Buffer.from(text, "latin1"));
  return bytes;
}

function noted(text: string): LastHead {
  const last = new LastHead();
  for (let time = 0; time < 2; time++) last.note(Buffer.from(`..${text}..`), 2, 2 + text.length, HEAD);
  return last;
}

test("the same bytes are the same head, and what follows them stays", () => {
  const last = noted("GET /");
  const bytes = held("GET /GET /x");
  const first = last.match(bytes);
  assert.equal(first?.target, "/");
  assert.ok(first.encoded !== undefined && HEAD.encoded === undefined);
  assert.equal(last.match(bytes), first, "all have the same");
  assert.equal(bytes.length, "x".length);
});

for (const other of ["GET", "GET ?", "", "get /"]) {
  test(`${JSON.stringify(other)} is another one, and is not touched`, () => {
    const bytes = held(other);
    assert.equal(noted("GET /").match(bytes), undefined);
    assert.equal(bytes.length, other.length);
  });
}

test("a head that came once is not kept: many clients ask for nothing more", () => {
  const last = new LastHead();
  last.note(Buffer.from("GET /"), 0, "GET /".length, HEAD);
  assert.equal(last.match(held("GET /")), undefined);
});

test("nothing is kept that was forgotten, that is long, or of a client that always asks for something else", () => {
  const forgotten = noted("GET /");
  forgotten.forget();
  assert.equal(forgotten.match(held("GET /")), undefined);

  assert.ok(noted("x".repeat(2048)).match(held("x".repeat(2048))));
  assert.equal(noted("x".repeat(2049)).match(held("x".repeat(2049))), undefined);

  const last = new LastHead();
  for (let round = 0; round < 3; round++) {
    for (const target of ["/1", "/2", "/3", "/4"]) last.note(Buffer.from(target), 0, target.length, HEAD);
    assert.ok(last.match(held("/4")), "a match, and the client is watched on");
  }
  for (const target of ["/5", "/6", "/7", "/8", "/9"]) last.note(Buffer.from(target), 0, target.length, HEAD);
  assert.equal(last.match(held("/9")), undefined);
});

test("a client that pauses is not one that asks for something else", () => {
  const last = noted("GET /");
  for (let pause = 0; pause < 10; pause++) {
    last.forget();
    for (let time = 0; time < 2; time++) last.note(Buffer.from("GET /"), 0, "GET /".length, HEAD);
  }
  assert.ok(last.match(held("GET /")));
});

/** Asks for the next request at once, with or without what was kept. */
class Reader implements RequestHandler {
  readonly lines: string[] = [];
  readonly heads: RequestHead[] = [];
  readonly parser: Http1Parser;
  readonly #forgetful: boolean;

  constructor(settings: GunicornSettings, peer: { trusted: boolean; secure: boolean }, forgetful: boolean) {
    this.parser = new Http1Parser(policyOf(settings), peerOf(peer), this);
    this.#forgetful = forgetful;
  }

  #next(): void {
    if (this.#forgetful) this.parser.idle();
    this.parser.next();
  }

  onHead(head: RequestHead): void {
    const { encoded, ...said } = head;
    this.heads.push(head);
    this.lines.push(JSON.stringify({ ...said, names: said.names.map(({ lower }) => lower) }));
    if (head.framing.kind === "none") this.#next();
  }

  onBody(chunk: Buffer): void {
    this.lines.push(`body ${chunk.latin1Slice()}`);
  }

  onBodyEnd(end: string): void {
    this.lines.push(end);
    if (this.parser.awaiting === "next") this.#next();
  }

  onError(error: Error): void {
    this.lines.push(error.message);
  }

  onClose(): void {
    this.lines.push("close");
  }
}

const USUAL = ["GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a?b HTTP/1.1\r\nX-Forwarded-Proto: https\r\n\r\n"];

test("what was kept changes nothing: hostile requests, again and again on one connection", () => {
  let again = 0;
  const property = fc.property(
    hostileCase,
    fc.array(fc.tuple(fc.constantFrom("hostile", ...USUAL), fc.integer({ min: 1, max: 4 })), { maxLength: 4 }),
    fc.array(fc.nat(2000), { maxLength: 6 }),
    ({ bytes, settings, ...peer }, requests, places) => {
      const input = Buffer.from(requests.map(([one, times]) => (one === "hostile" ? bytes : one).repeat(times)).join(""), "latin1");
      const keeping = new Reader(settings, peer, false);
      const forgetful = new Reader(settings, peer, true);
      for (const piece of cutAt(input, places)) {
        keeping.parser.feed(piece);
        forgetful.parser.feed(piece);
      }
      assert.deepEqual(keeping.lines.join("\n").replace(/\nbody /g, ""), forgetful.lines.join("\n").replace(/\nbody /g, ""));
      assert.ok(forgetful.heads.every(({ encoded }) => encoded === undefined));
      again += keeping.heads.filter(({ encoded }) => encoded !== undefined).length;
    },
  );
  fc.assert(property, { numRuns: 1500 });
  assert.ok(again > 300, `${again} heads came again`);
});
