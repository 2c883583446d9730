/** Lets a Python read what `wire/marshal.ts` wrote. */

import { execFileSync } from "node:child_process";

/** Reads marshalled values, each after its length as u32, and writes each as JSON, a line each. Text comes back with its characters as they are. */
const READER = `
import json, marshal, struct, sys
data = sys.stdin.buffer.read()
at = 0
while at < len(data):
    (length,) = struct.unpack_from("<I", data, at)
    at += 4
    print(json.dumps(marshal.loads(data[at:at + length])))
    at += length
`;

/**
 * Lets a Python read marshalled values.
 *
 * @param marshalled  One value each, latin-1 text.
 * @returns           What `marshal.loads` made of each, through JSON.
 */
export function readInPython(python: string, marshalled: readonly string[]): unknown[] {
  const pieces: Buffer[] = [];
  for (const text of marshalled) {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length, 0);
    pieces.push(length, Buffer.from(text, "latin1"));
  }
  const output = execFileSync(python, ["-I", "-c", READER], { input: Buffer.concat(pieces), maxBuffer: 1 << 30, encoding: "utf8" });
  return output
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown);
}
