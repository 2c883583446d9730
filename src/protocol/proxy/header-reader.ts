/**
 * Reads the PROXY protocol header that a connection may begin with: bytes in, an outcome out.
 *
 *     connection = [ header ] bytes-of-the-protocol-behind-it
 *     header     = %s"PROXY " rest-of-line CRLF       ; version 1, text-line.ts
 *                / signature ver-cmd family length block      ; version 2, binary-block.ts
 *
 * The spec wants a receiver that does not guess whether there is a header. Gunicorn guesses, and so do we: only senders in
 * `proxy_allow_ips` may send one, and a connection that begins otherwise is served without. The outcome does not depend on
 * how the input was cut. Never more than the header's first 107 bytes are held: what follows the addresses is counted, not kept.
 */

import type { ProxyHeader } from "../../request/request-head.ts";
import { type BinaryBlock, FIXED_BYTES, parseFixedPart, SIGNATURE } from "./binary-block.ts";
import { invalidProxyLine, proxyNotAllowed } from "./refusals.ts";
import { LINE_BYTES_MAX, parseTextLine } from "./text-line.ts";

/** Which versions are looked for: Gunicorn's `proxy_protocol`, without `off`. */
export type ProxyVersions = "v1" | "v2" | "auto";

/** The real peer of the connection, who may be a proxy. */
export interface ProxySender {
  /** For the refusal's text: `"10.0.0.1"`. */
  readonly address: string;
  /** Is it in `proxy_allow_ips`? */
  readonly allowed: boolean;
}

/** `rest`: what was fed behind the header, or all of it where there was none. */
export type ProxyOutcome =
  | { readonly at: "more" }
  | { readonly at: "header"; readonly header: ProxyHeader; readonly rest: Buffer }
  | { readonly at: "absent"; readonly rest: Buffer };

const EMPTY = Buffer.alloc(0);
const MORE: ProxyOutcome = { at: "more" };
const TEXT_START = Buffer.from("PROXY ", "latin1");

export class ProxyHeaderReader {
  readonly #versions: ProxyVersions;
  readonly #sender: ProxySender;
  #held: Buffer = EMPTY;
  /** A binary header whose addresses are read: bytes that still belong to it. */
  #skipping: { readonly header: ProxyHeader; bytesLeft: number } | undefined;

  constructor(versions: ProxyVersions, sender: ProxySender) {
    this.#versions = versions;
    this.#sender = sender;
  }

  /** Something has come that could be a header's beginning. */
  get started(): boolean {
    return this.#held.length > 0 || this.#skipping !== undefined;
  }

  /**
   * @param chunk  Bytes as they came; `rest` is a view of them, and what is held is copied. Not to be called again after another outcome than "more", or an error.
   * @throws {ProtocolError} `bad-proxy-header`, `proxy-not-allowed`.
   */
  feed(chunk: Buffer): ProxyOutcome {
    if (this.#skipping !== undefined) return this.#skip(this.#skipping.header, this.#skipping.bytesLeft, chunk);
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    if (this.#versions !== "v2" && startsLike(bytes, TEXT_START)) return this.#readLine(bytes);
    if (this.#versions !== "v1" && startsLike(bytes, SIGNATURE)) return this.#readBlock(bytes);
    return { at: "absent", rest: bytes };
  }

  #readLine(bytes: Buffer): ProxyOutcome {
    if (bytes.length < TEXT_START.length) return this.#hold(bytes);
    this.#checkSender();
    const end = bytes.subarray(0, LINE_BYTES_MAX).indexOf("\r\n");
    if (end >= 0) return { at: "header", header: parseTextLine(bytes.latin1Slice(0, end)), rest: bytes.subarray(end + 2) };
    if (bytes.length >= LINE_BYTES_MAX) throw invalidProxyLine("PROXY v1 header too long");
    return this.#hold(bytes);
  }

  #readBlock(bytes: Buffer): ProxyOutcome {
    if (bytes.length >= SIGNATURE.length) this.#checkSender();
    if (bytes.length < FIXED_BYTES) return this.#hold(bytes);
    const block: BinaryBlock = parseFixedPart(bytes);
    const addressesEnd = FIXED_BYTES + block.addressesBytes;
    if (bytes.length < addressesEnd) return this.#hold(bytes);
    const addresses = block.addresses(bytes.subarray(FIXED_BYTES, addressesEnd));
    return this.#skip({ protocol: block.protocol, addresses }, block.followingBytes - block.addressesBytes, bytes.subarray(addressesEnd));
  }

  #skip(header: ProxyHeader, bytesLeft: number, bytes: Buffer): ProxyOutcome {
    if (bytes.length >= bytesLeft) return { at: "header", header, rest: bytes.subarray(bytesLeft) };
    this.#skipping = { header, bytesLeft: bytesLeft - bytes.length };
    this.#held = EMPTY;
    return MORE;
  }

  #hold(bytes: Buffer): ProxyOutcome {
    this.#held = Buffer.from(bytes);
    return MORE;
  }

  /** Before anything else of the header is looked at, so that strangers learn nothing and hold nothing. */
  #checkSender(): void {
    if (!this.#sender.allowed) throw proxyNotAllowed(this.#sender.address);
  }
}

/** Whether `bytes` begins with `start`, as far as it goes. */
function startsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}
