/** Where our PROXY header reader is meant to differ from Gunicorn's (docs/differences.md). */

import { LINE_BYTES_MAX } from "../../../src/protocol/proxy/text-line.ts";
import { SIGNATURE } from "./headers.ts";
import type { Case, Outcome } from "./outcome.ts";

/** Gunicorn looks at nothing before it has 12 bytes. */
const GUNICORN_WAITS_BYTES = 12;

const DIFFERENCES: readonly { readonly why: string; readonly applies: (one: Case) => boolean }[] = [
  { why: "fewer than 12 bytes are judged as they come", applies: ({ bytes }) => bytes.length < GUNICORN_WAITS_BYTES },
  { why: "UNKNOWN is accepted", applies: ({ bytes, versions }) => versions !== "v2" && /^PROXY UNKNOWN( |\r\n)/.test(bytes) },
  {
    why: "a line ends within 107 bytes",
    applies: ({ bytes, versions }) =>
      versions !== "v2" && bytes.startsWith("PROXY ") && bytes.length >= LINE_BYTES_MAX && !bytes.slice(0, LINE_BYTES_MAX).includes("\r\n"),
  },
  {
    why: "a port is digits without a heading zero, where Gunicorn takes what Python's int() does",
    applies: ({ bytes, versions }) => versions !== "v2" && hasOddPort(bytes),
  },
  {
    why: "the unspecified protocol byte and unix streams are accepted",
    applies: (one) => isBlock(one) && one.bytes.charCodeAt(12) === 0x21 && [0x00, 0x31].includes(one.bytes.charCodeAt(13)),
  },
  {
    why: "a block is refused once its fixed part is wrong, Gunicorn waits for all of it",
    applies: (one) => isBlock(one) && isCut(one.bytes) && isUnusable(one.bytes),
  },
];

function hasOddPort(bytes: string): boolean {
  const words = (bytes.split("\r\n")[0] ?? "").split(" ");
  return words.slice(4, 6).some((port) => /^[-+]|^0.|_|^\s|\s$/.test(port));
}

function isBlock({ bytes, versions }: Case): boolean {
  return versions !== "v1" && bytes.startsWith(SIGNATURE);
}

function announcedBytes(bytes: string): number {
  return (bytes.charCodeAt(14) << 8) | bytes.charCodeAt(15);
}

function isCut(bytes: string): boolean {
  return bytes.length < SIGNATURE.length + 4 + announcedBytes(bytes);
}

/** Its family, or the length for it, is none of those that we read. */
function isUnusable(bytes: string): boolean {
  const combination = bytes.charCodeAt(13);
  return !(combination === 0x11 && announcedBytes(bytes) >= 12) && !(combination === 0x21 && announcedBytes(bytes) >= 36);
}

/** Says why, or undefined where both must agree. */
export function meantDifference(one: Case): string | undefined {
  return DIFFERENCES.find(({ applies }) => applies(one))?.why;
}

/** Outcomes as text that can be compared: an absent address is the same as none. */
export function comparable(outcome: Outcome): string {
  if (outcome.at !== "header") return JSON.stringify(outcome);
  const { protocol, addresses } = outcome.header;
  return JSON.stringify([protocol, addresses ?? null, outcome.rest]);
}
