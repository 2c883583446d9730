/** permessage-deflate (RFC 7692): what is agreed with a client that offers it. */

import { type Extensions, extension, PerMessageDeflate } from "ws";

/**
 * Of zlib's 15: a connection's window and hash tables take 32 KiB for sending and 16 for receiving instead of 256 and 44, and
 * messages are seldom longer than the window. The numbers of the Python package websockets.
 */
const WINDOW_BITS = 12;
const MEMORY_LEVEL = 5;
/** zlib's fastest: half of its default's time, for a twentieth more bytes on text such as JSON. */
const LEVEL = 1;

export interface Agreement {
  readonly extensions: Extensions;
  /** What the client is told: `"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=12\r\n"`. */
  readonly fieldLines: string;
  /** Present when messages may be compressed; to be cleaned up. */
  readonly deflate: PerMessageDeflate | undefined;
}

const NONE: Agreement = { extensions: {}, fieldLines: "", deflate: undefined };

/**
 * @param offered          Sec-WebSocket-Extensions of the handshake. What cannot be read, or is not known, is not agreed to.
 * @param messageBytesMax  A message that inflates beyond it is given up before it is held: a few compressed bytes can mean gigabytes.
 */
export function agreeOnCompression(offered: string | undefined, messageBytesMax: number): Agreement {
  if (offered === undefined) return NONE;
  // With a small window for the client too, where it lets us choose.
  return agree(offered, messageBytesMax, { clientMaxWindowBits: WINDOW_BITS }) ?? agree(offered, messageBytesMax, {}) ?? NONE;
}

function agree(offered: string, maxPayload: number, choice: { clientMaxWindowBits?: number }): Agreement | undefined {
  const name = PerMessageDeflate.extensionName;
  const deflate = new PerMessageDeflate({
    isServer: true,
    serverMaxWindowBits: WINDOW_BITS,
    maxPayload,
    zlibDeflateOptions: { memLevel: MEMORY_LEVEL, level: LEVEL },
    ...choice,
  });
  try {
    const offers = extension.parse(offered)[name];
    if (offers === undefined) return undefined;
    const accepted = deflate.accept(offers);
    return {
      extensions: { [name]: deflate },
      fieldLines: `Sec-WebSocket-Extensions: ${extension.format({ [name]: accepted })}\r\n`,
      deflate,
    };
  } catch {
    return undefined;
  }
}
