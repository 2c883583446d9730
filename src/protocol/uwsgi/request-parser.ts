/**
 * Requests out of the bytes of a connection that speaks uWSGI: packet, body, packet, body ...
 *
 * No sockets and no time. What comes out does not depend on how the input was cut.
 */

import type { Peer } from "../../request/request-head.ts";
import type { RequestHandler } from "../request-parser.ts";
import { SequentialParser } from "../sequential-parser.ts";
import { PACKET_HEADER_BYTES, readPacketHeader, readVars } from "./packet.ts";
import { invalidPacket } from "./refusals.ts";
import { requestHead } from "./request-head.ts";

export class UwsgiParser extends SequentialParser {
  readonly #peer: Peer;
  #bodyBytesLeft = 0;

  constructor(peer: Peer, handler: RequestHandler) {
    super(handler);
    this.#peer = peer;
  }

  protected finish(): void {
    if (this.awaiting === "body") {
      this.endBody("short");
      return;
    }
    const heldBytes = this.heldBytes;
    if (heldBytes > 0) throw invalidPacket(heldBytes < PACKET_HEADER_BYTES ? "incomplete header" : "incomplete vars block");
    this.close();
    this.handler.onClose();
  }

  protected readHead(): boolean {
    const { bytes, start, end } = this.held;
    if (end - start < PACKET_HEADER_BYTES) return false;
    const varsStart = start + PACKET_HEADER_BYTES;
    const varsEnd = varsStart + readPacketHeader(bytes, start);
    if (end < varsEnd) return false;
    const head = requestHead(readVars(bytes.subarray(varsStart, varsEnd)), this.#peer);
    this.held.consume(varsEnd);
    this.#bodyBytesLeft = head.framing.kind === "length" ? head.framing.bytes : 0;
    this.headRead(head, this.#bodyBytesLeft > 0);
    return true;
  }

  protected readBody(): boolean {
    const { bytes, start, end } = this.held;
    if (start === end) return false;
    const next = Math.min(end, start + this.#bodyBytesLeft);
    this.#bodyBytesLeft -= next - start;
    this.held.consume(next);
    this.bodyRead(bytes.subarray(start, next));
    if (this.awaiting === "body" && this.#bodyBytesLeft === 0) this.endBody("complete");
    return true;
  }
}
