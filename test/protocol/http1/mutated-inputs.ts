/**
 * Inputs made by damaging sound and hostile ones, and what must hold for each: no exception but our own refusals, one
 * report at the end, nothing held behind it, no accepted head that a second reader could read in another way, and the
 * same outcome wherever the input was cut.
 */

import assert from "node:assert/strict";
import type { Http1Policy } from "../../../src/protocol/http1/policy.ts";
import { Http1Parser } from "../../../src/protocol/http1/request-parser.ts";
import type { RequestHandler } from "../../../src/protocol/request-parser.ts";
import type { BodyEnd } from "../../../src/request/exchange.ts";
import type { ProtocolError } from "../../../src/request/protocol-error.ts";
import type { Peer, RequestHead } from "../../../src/request/request-head.ts";
import { comparable, cutAt, everyByte, outcomeOf } from "./outcome.ts";

/** A small seeded generator (xorshift32): millions of inputs are made, and each must be made again from the seed alone. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** @returns A whole number from 0 to `below - 1`. */
  below(below: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % below;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

/** What damage inserts: what the grammar is made of, and what only looks like it. */
const WORDS = [
  "\r\n",
  "\r\n\r\n",
  "\n",
  "\r",
  "\0",
  " ",
  "\t",
  "\x0b",
  "\xa0",
  "\xff",
  ":",
  ",",
  ";",
  '"',
  "%",
  "0",
  "f",
  "HTTP/1.1",
  "HTTP/1.0",
  "GET / HTTP/1.1\r\n",
  "Host: h\r\n",
  "Content-Length: 3\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Connection: close\r\n",
  "Expect: 100-continue\r\n",
  "SCRIPT_NAME: /a\r\n",
  "0\r\n\r\n",
  "3\r\nabc\r\n",
  ";a=b",
  '="q"',
  "x".repeat(40),
  "\r\n ",
];
const OPERATIONS_MAX = 4;
/** Longer inputs are cut to this: a mutation seldom needs more, and the run is to be many inputs, not many bytes. */
export const INPUT_BYTES_MAX = 4096;

/** @returns `seeds[i]`, damaged in one to four places: bytes changed, words put in, parts cut out, doubled, or taken from another seed. */
export function mutate(random: Random, seeds: readonly string[]): string {
  let text = random.pick(seeds);
  // The lesser of two throws: damage in one place reaches deeper than damage everywhere.
  const operations = 1 + Math.min(random.below(OPERATIONS_MAX), random.below(OPERATIONS_MAX));
  for (let count = operations; count > 0; count -= 1) {
    const from = random.below(text.length + 1);
    const to = Math.min(text.length, from + random.below(12));
    const before = text.slice(0, from);
    switch (random.below(6)) {
      case 0:
        text = before + String.fromCharCode(random.below(256)) + text.slice(from + 1);
        break;
      case 1:
        text = before + random.pick(WORDS) + text.slice(from);
        break;
      case 2:
        text = before + text.slice(to);
        break;
      case 3:
        text = before + text.slice(from, to).repeat(2 + random.below(3)) + text.slice(to);
        break;
      case 4: {
        const other = random.pick(seeds);
        text = before + other.slice(random.below(other.length + 1));
        break;
      }
      default:
        text = before + random.pick(WORDS) + text.slice(to);
    }
  }
  return text.slice(0, INPUT_BYTES_MAX);
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const TARGET = /^[\x21-\x7e]+$/;

/** Checks one accepted head by rules written anew here: what a reader of any make must agree on. */
export function assertSound(head: RequestHead): void {
  assert.ok(TOKEN.test(head.method) && TARGET.test(head.target) && /^HTTP\/[0-9]\.[0-9]$/.test(head.protocol), head.target);
  const valuesOf = (lower: string) => head.values.filter((_, index) => head.names[index]?.lower === lower);
  for (const [index, name] of head.names.entries()) assert.ok(TOKEN.test(name.lower) && VALUE.test(head.values[index]!), name.lower);
  const lengths = valuesOf("content-length");
  const codings = valuesOf("transfer-encoding");
  assert.ok(lengths.length + Math.min(1, codings.length) <= 1, "two framings");
  assert.ok(valuesOf("host").length <= 1 && valuesOf("content-type").length <= 1, "a repeated singleton");
  const items = codings.join(",").toLowerCase().split(",");
  const framed = codings.length > 0 ? "chunked" : lengths.length > 0 && Number(lengths[0]) > 0 ? "length" : "none";
  assert.equal(head.framing.kind, framed);
  if (framed === "chunked") assert.ok(/^[ \t]*chunked[ \t]*$/.test(items.at(-1) ?? "") && head.protocol >= "HTTP/1.1", "not chunked last");
  if (head.framing.kind === "length") assert.ok(/^[0-9]+$/.test(lengths[0]!) && Number(lengths[0]) === head.framing.bytes);
}

/** Counts reports and asks on; keeps nothing, so that memory tells of the parser. */
class Counter implements RequestHandler {
  parser: Http1Parser | undefined;
  heads = 0;
  bodyBytes = 0;
  ends = 0;
  #keepAlive = false;

  onHead(head: RequestHead): void {
    assertSound(head);
    this.heads += 1;
    this.#keepAlive = head.keepAlive;
    if (head.framing.kind === "none") this.onBodyEnd("complete");
  }

  onBody(chunk: Buffer): void {
    this.bodyBytes += chunk.length;
  }

  onBodyEnd(_end: BodyEnd): void {
    if (this.#keepAlive) this.parser?.next();
    else {
      this.parser?.close();
      this.ends += 1;
    }
  }

  onError(_error: ProtocolError): void {
    this.ends += 1;
  }

  onClose(): void {
    this.ends += 1;
  }
}

/** Feeds one input in a few pieces and checks what must hold for any. @returns Requests served. */
export function checkInput(input: Buffer, policy: Http1Policy, peer: Peer, random: Random): number {
  const counter = new Counter();
  const parser = new Http1Parser(policy, peer, counter);
  counter.parser = parser;
  let fed = 0;
  while (fed < input.length) {
    const next = random.below(2) === 0 ? input.length : Math.min(input.length, fed + 1 + random.below(200));
    parser.feed(input.subarray(fed, next));
    fed = next;
    assert.ok(parser.heldBytes <= fed);
  }
  parser.eof();
  assert.equal(parser.awaiting, "closed");
  assert.equal(parser.heldBytes, 0);
  assert.equal(counter.ends, 1);
  assert.ok(counter.bodyBytes <= input.length);
  return counter.heads;
}

/** Asserts that the outcome is the same for the input whole, byte by byte, and cut in random places. */
export function checkCuts(input: Buffer, policy: Http1Policy, peer: Peer, random: Random): void {
  const whole = comparable(outcomeOf([input], policy, peer));
  const places = Array.from({ length: 1 + random.below(8) }, () => random.below(input.length + 1));
  assert.equal(comparable(outcomeOf(cutAt(input, places), policy, peer)), whole);
  assert.equal(comparable(outcomeOf(everyByte(input), policy, peer)), whole);
}
