/**
 * Huffman decoding by a table of states (RFC 7541 §5.2): half a byte at a time, one look-up each. No code is shorter than five
 * bits, so that four bits complete one symbol at most.
 */

import { EOS, HUFFMAN_CODES } from "./huffman-code.ts";

const NIBBLE_VALUES = 16;
/** A state is an inner node of the code's tree: as many as symbols without the last, so that its number fits into a byte. */
const STATES = 256;
const ROOT = 0;
/** An entry: next state | symbol << 8 | EMITS. */
const SYMBOL_SHIFT = 8;
const EMITS = 1 << 16;
/** The bits lead to EOS, which is an error within a string. */
const FAILS = 1 << 17;
/** Padding is shorter than a byte and of ones only: the first bits of EOS. */
const PADDING_BITS_MAX = 7;

const steps = new Uint32Array(STATES * NIBBLE_VALUES);
/** Whether a string may end in this state. */
const mayEnd = new Uint8Array(STATES);

/** A node's two children, by the next bit; a number is an inner node's state, a symbol is a leaf. */
type Child = { readonly state: number } | { readonly symbol: number };

makeTables();

function makeTables(): void {
  const nodes: [Child | undefined, Child | undefined][] = [[undefined, undefined]];
  for (const { symbol, code, bits } of HUFFMAN_CODES) {
    let state = ROOT;
    for (let left = bits - 1; left > 0; left -= 1) state = innerChild(nodes, state, bitOf(code, left));
    nodes[state]![bitOf(code, 0)] = { symbol };
  }
  for (let state = 0; state < nodes.length; state += 1) {
    for (let nibble = 0; nibble < NIBBLE_VALUES; nibble += 1) steps[state * NIBBLE_VALUES + nibble] = stepOf(nodes, state, nibble);
  }
  let state = ROOT;
  for (let ones = 0; ones <= PADDING_BITS_MAX; ones += 1) {
    mayEnd[state] = 1;
    state = innerChild(nodes, state, 1);
  }
}

function bitOf(code: number, position: number): 0 | 1 {
  return ((code >>> position) & 1) as 0 | 1;
}

function innerChild(nodes: [Child | undefined, Child | undefined][], state: number, bit: 0 | 1): number {
  const known = nodes[state]![bit];
  if (known !== undefined && "state" in known) return known.state;
  nodes.push([undefined, undefined]);
  nodes[state]![bit] = { state: nodes.length - 1 };
  return nodes.length - 1;
}

function stepOf(nodes: readonly [Child | undefined, Child | undefined][], from: number, nibble: number): number {
  let state = from;
  let emitted = 0;
  for (let position = 3; position >= 0; position -= 1) {
    const child = nodes[state]![bitOf(nibble, position)]!;
    if ("state" in child) {
      state = child.state;
      continue;
    }
    if (child.symbol === EOS) return FAILS;
    emitted = EMITS | (child.symbol << SYMBOL_SHIFT);
    state = ROOT;
  }
  return emitted | state;
}

/** The most bytes that so many bytes can decode to: no code is shorter than five bits. */
export function decodedBytesMax(bytes: number): number {
  return Math.floor((bytes * 8) / 5);
}

/**
 * @param into  Has room for `decodedBytesMax(end - at)` bytes.
 * @returns     How many bytes were written from the start of `into`; -1 when it is no Huffman code, or padded wrongly.
 */
export function decodeHuffman(bytes: Buffer, at: number, end: number, into: Buffer): number {
  let state = ROOT;
  let length = 0;
  for (let i = at; i < end; i += 1) {
    const byte = bytes[i]!;
    const high = steps[state * NIBBLE_VALUES + (byte >> 4)]!;
    if (high >= EMITS) {
      if (high >= FAILS) return -1;
      into[length++] = high >> SYMBOL_SHIFT;
    }
    const low = steps[(high & (STATES - 1)) * NIBBLE_VALUES + (byte & 15)]!;
    if (low >= EMITS) {
      if (low >= FAILS) return -1;
      into[length++] = low >> SYMBOL_SHIFT;
    }
    state = low & (STATES - 1);
  }
  return mayEnd[state] === 1 ? length : -1;
}
