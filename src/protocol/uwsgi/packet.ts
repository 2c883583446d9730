/**
 * The uWSGI packet, all numbers little-endian:
 *
 *     packet = modifier1 (u8) bytes-of-vars (u16) modifier2 (u8) *var
 *     var    = bytes-of-key (u16) key bytes-of-value (u16) value
 *
 * @see https://uwsgi-docs.readthedocs.io/en/latest/Protocol.html
 */

import { invalidPacket, unsupportedModifier } from "./refusals.ts";

/** The four bytes before the variables. Their u16 bounds the rest: a packet's head is never over 65539 bytes. */
export const PACKET_HEADER_BYTES = 4;
/** Gunicorn's bound. 64 KiB hold 16384 empty variables, and each would cost a string and a header. */
export const VARS_MAX = 1000;

/** The modifier of a request for a Python application; others ask for Perl, spooling, or the server's own insides. */
const WSGI_MODIFIER = 0;
const SIZE_BYTES = 2;

/**
 * @param start  Where the packet begins in `bytes`; `PACKET_HEADER_BYTES` are there.
 * @returns      Bytes of the variables that follow the header.
 * @throws {ProtocolError} `unsupported-uwsgi-modifier`. modifier2 says nothing to us, nor to Gunicorn.
 */
export function readPacketHeader(bytes: Buffer, start: number): number {
  const modifier = bytes.readUInt8(start);
  if (modifier !== WSGI_MODIFIER) throw unsupportedModifier(modifier);
  return bytes.readUInt16LE(start + 1);
}

/**
 * Reads the variables of one packet.
 *
 * @param bytes  All of them, nothing else.
 * @returns      Keys and values as latin-1 text, in order: `{"REQUEST_METHOD" => "GET", ...}`. Of a repeated key the last value counts.
 * @throws {ProtocolError} `bad-uwsgi-packet` when a size points behind the end, or there are more than `VARS_MAX`.
 */
export function readVars(bytes: Buffer): Map<string, string> {
  const vars = new Map<string, string>();
  let at = 0;
  const take = (what: string): string => {
    if (at + SIZE_BYTES > bytes.length) throw invalidPacket(`truncated ${what} size`);
    const start = at + SIZE_BYTES;
    const end = start + bytes.readUInt16LE(at);
    if (end > bytes.length) throw invalidPacket(`truncated ${what}`);
    at = end;
    return bytes.latin1Slice(start, end);
  };
  for (let count = 0; at < bytes.length; count++) {
    if (count >= VARS_MAX) throw invalidPacket("too many variables");
    const key = take("key");
    vars.set(key, take("value"));
  }
  return vars;
}
