/** What a client asks for when it asks for a WebSocket (RFC 6455 §4.2.1; on a stream of HTTP/2 RFC 8441 §5), and whether it asks rightly. */

import { ProtocolError } from "../../request/protocol-error.ts";
import type { RequestHead } from "../../request/request-head.ts";

/** The only version there is; others were drafts. */
const VERSION = "13";
/** `base64-value-non-empty` of 16 bytes. */
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/**
 * Whether a request is a WebSocket's opening handshake:
 *
 *     GET, HTTP/1.1 or later, Upgrade: websocket, Connection: Upgrade        ; lists, case-insensitive
 *
 * RFC 9110 §7.8: an Upgrade of HTTP/1.0 is ignored. So is one with a body: where the WebSocket's bytes begin would be a guess.
 */
export function asksForWebsocket(head: RequestHead): boolean {
  let upgrades = false;
  // Nearly every request ends here: only names are looked at.
  for (const { lower } of head.names) if (lower === "upgrade") upgrades = true;
  if (!upgrades || head.method !== "GET" || head.protocol === "HTTP/1.0" || head.framing.kind !== "none") return false;
  return listOf(head, "upgrade").includes("websocket") && listOf(head, "connection").includes("upgrade");
}

/**
 * What HTTP/2 leaves of the handshake: key and proof are for servers that do not know what they are asked (RFC 8441 §5).
 *
 * @throws {ProtocolError} `bad-websocket-version-in-http2` for another version than 13.
 */
export function checkHandshakeInHttp2(head: RequestHead): void {
  checkVersion(head, "bad-websocket-version-in-http2");
}

function checkVersion(head: RequestHead, code: "bad-websocket-version" | "bad-websocket-version-in-http2"): void {
  const [version, ...others] = valuesOf(head, "sec-websocket-version");
  if (version !== VERSION || others.length > 0) throw new ProtocolError(code, `Unsupported WebSocket version: ${shown(version)}`);
}

/**
 * @returns The client's Sec-WebSocket-Key: `"dGhlIHNhbXBsZSBub25jZQ=="`
 * @throws {ProtocolError} `bad-websocket-version` for another version than 13, `bad-websocket-key` for a key that is not base64 of 16
 *                         bytes, or not the only one.
 */
export function checkHandshake(head: RequestHead): string {
  checkVersion(head, "bad-websocket-version");
  const [key, ...otherKeys] = valuesOf(head, "sec-websocket-key");
  if (key === undefined || otherKeys.length > 0 || !KEY.test(key)) {
    throw new ProtocolError("bad-websocket-key", `Invalid WebSocket key: ${shown(key)}`);
  }
  return key;
}

/** Values of all fields of a name, joined as the list that they are; undefined when there is none. */
export function joinedField(head: RequestHead, lower: string): string | undefined {
  const values = valuesOf(head, lower);
  return values.length === 0 ? undefined : values.join(", ");
}

function valuesOf(head: RequestHead, lower: string): string[] {
  return head.values.filter((_, index) => head.names[index]!.lower === lower);
}

function listOf(head: RequestHead, lower: string): string[] {
  return valuesOf(head, lower)
    .join(",")
    .toLowerCase()
    .split(",")
    .map((item) => item.trim());
}

/** A key is no secret, but its sender chooses its length. */
const SHOWN_MAX = 40;

function shown(value: string | undefined): string {
  return value === undefined ? "none" : JSON.stringify(value.slice(0, SHOWN_MAX));
}
