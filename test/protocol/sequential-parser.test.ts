import assert from "node:assert/strict";
import { test } from "node:test";
import { SequentialParser } from "../../src/protocol/sequential-parser.ts";
import type { BodyEnd } from "../../src/request/exchange.ts";
import { ProtocolError } from "../../src/request/protocol-error.ts";
import type { RequestHead } from "../../src/request/request-head.ts";

const LINE_FEED = 10;

/** Requests of one letter and a line feed; `b` has a body of three bytes, `!` is against the rules. */
class Letters extends SequentialParser {
  #bytesLeft = 0;

  protected readHead(): boolean {
    const { bytes, start, end } = this.held;
    if (end - start < 2) return false;
    if (bytes[start + 1] !== LINE_FEED) throw new ProtocolError("bad-request-line", "no line feed");
    const method = bytes.latin1Slice(start, start + 1);
    this.held.consume(start + 2);
    this.#bytesLeft = method === "b" ? 3 : 0;
    this.headRead({ method } as RequestHead, this.#bytesLeft > 0);
    return true;
  }

  protected readBody(): boolean {
    const { bytes, start, end } = this.held;
    if (start === end) return false;
    const next = Math.min(end, start + this.#bytesLeft);
    this.#bytesLeft -= next - start;
    this.held.consume(next);
    this.bodyRead(bytes.subarray(start, next));
    if (this.#bytesLeft === 0) this.endBody("complete");
    return true;
  }

  protected finish(): void {
    if (this.awaiting === "body") {
      this.endBody("short");
      return;
    }
    this.close();
    this.handler.onClose();
  }
}

function letters() {
  const seen: string[] = [];
  const bodies: Buffer[] = [];
  const parser = new Letters({
    onHead: (head) => seen.push(head.method),
    onBody: (chunk) => {
      bodies.push(chunk);
      seen.push("body");
    },
    onBodyEnd: (end: BodyEnd) => seen.push(end),
    onError: (error, head) => seen.push(`${error.message} ${head?.method}`),
    onClose: () => seen.push("closed"),
  });
  return { parser, seen, bodies };
}

test("one request at a time comes out, whatever has come; the next when it is asked for", () => {
  const { parser, seen } = letters();
  parser.feed(Buffer.from("x\ny\nz"));
  assert.deepEqual([seen, parser.awaiting, parser.heldBytes], [["x"], "next", 3]);
  parser.next();
  parser.next();
  assert.deepEqual([seen, parser.awaiting, parser.headStarted], [["x", "y"], "head", true]);
  assert.throws(() => parser.next(), /while the parser awaits head/);
});

test("the bytes that are fed are only lent: what is held and what was reported of a body stays when they change", () => {
  const { parser, seen, bodies } = letters();
  for (const text of ["b", "\n12", "3x\ny"]) {
    const lent = Buffer.from(text);
    parser.feed(lent);
    lent.fill("?");
  }
  parser.next();
  assert.deepEqual(seen, ["b", "body", "body", "complete", "x"]);
  assert.equal(Buffer.concat(bodies).toString(), "123");
  parser.next();
  parser.feed(Buffer.from("\n"));
  assert.equal(seen.at(-1), "y");
});

test("an end inside a body cuts it, an end between requests closes; what was sent before is still reported", () => {
  const short = letters();
  short.parser.feed(Buffer.from("b\n1"));
  short.parser.eof();
  assert.deepEqual(short.seen, ["b", "body", "short"]);
  const between = letters();
  between.parser.feed(Buffer.from("x\ny\n"));
  between.parser.eof();
  assert.deepEqual(between.seen, ["x"]);
  between.parser.next();
  between.parser.next();
  assert.deepEqual([between.seen, between.parser.awaiting], [["x", "y", "closed"], "closed"]);
});

test("an error closes: nothing more is read, and no bytes are held", () => {
  const { parser, seen } = letters();
  parser.feed(Buffer.from("x\n??more"));
  parser.next();
  parser.feed(Buffer.from("y\n"));
  parser.next();
  assert.deepEqual([seen, parser.awaiting, parser.heldBytes], [["x", "no line feed undefined"], "closed", 0]);
});

test("what has not been used goes to whoever reads on, and nothing more is reported", () => {
  const { parser, seen } = letters();
  const lent = Buffer.from("x\ny\nz");
  parser.feed(lent);
  const rest = parser.takeRest();
  lent.fill(0);
  assert.equal(rest.latin1Slice(), "y\nz");
  parser.feed(Buffer.from("a\n"));
  assert.deepEqual([seen, parser.awaiting, parser.heldBytes], [["x"], "closed", 0]);
});
