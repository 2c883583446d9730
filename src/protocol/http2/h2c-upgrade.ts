/**
 * The way from HTTP/1 to HTTP/2 on a connection without TLS (RFC 7540 §3.2):
 *
 *     GET / HTTP/1.1
 *     Connection: Upgrade, HTTP2-Settings
 *     Upgrade: h2c
 *     HTTP2-Settings: <base64url of a SETTINGS payload>
 *
 * Whatever is not exactly this stays HTTP/1: no error, as with Gunicorn.
 */

import type { HeaderName } from "../../request/header-name.ts";
import type { RequestHead } from "../../request/request-head.ts";
import { ConnectionError } from "./connection-error.ts";
import { HTTP_2_PROTOCOL } from "./request-head.ts";
import { readSettings, SETTINGS_BYTES_MAX } from "./settings-frame.ts";

/** What a client that wants HTTP/2 is answered before it is spoken. */
export const SWITCHING_PROTOCOLS = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

export interface Upgrade {
  /** Payload of the client's SETTINGS. */
  readonly settings: Buffer;
  /** The request as it goes on: HTTP/2's, without the fields of the connection it came on. */
  readonly head: RequestHead;
}

const BASE64URL = /^[A-Za-z0-9_-]*$/;
/** They say something of the connection of HTTP/1, which is over. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set(["connection", "upgrade", "http2-settings"]);

/** @param head  Of HTTP/1. @returns Undefined when it asks for no upgrade, or not properly. */
export function readUpgrade(head: RequestHead): Upgrade | undefined {
  if (head.protocol === "HTTP/1.0" || valuesOf(head, "upgrade").join() !== "h2c") return undefined;
  const options = valuesOf(head, "connection").flatMap((value) => value.split(",").map((option) => option.trim().toLowerCase()));
  if (!options.includes("upgrade") || !options.includes("http2-settings")) return undefined;
  const [value, ...repeats] = valuesOf(head, "http2-settings");
  if (value === undefined || repeats.length > 0) return undefined;
  const settings = decodeSettings(value);
  return settings === undefined ? undefined : { settings, head: withoutConnectionFields(head) };
}

function valuesOf(head: RequestHead, lower: string): string[] {
  return head.values.filter((_, i) => head.names[i]!.lower === lower);
}

function decodeSettings(value: string): Buffer | undefined {
  if (!BASE64URL.test(value)) return undefined;
  const settings = Buffer.from(value, "base64url");
  if (settings.length > SETTINGS_BYTES_MAX) return undefined;
  try {
    readSettings(settings, 0, settings.length, () => {});
    return settings;
  } catch (error) {
    if (error instanceof ConnectionError) return undefined;
    throw error;
  }
}

function withoutConnectionFields(head: RequestHead): RequestHead {
  const names: HeaderName[] = [];
  const values: string[] = [];
  for (let i = 0; i < head.names.length; i += 1) {
    if (CONNECTION_FIELDS.has(head.names[i]!.lower)) continue;
    names.push(head.names[i]!);
    values.push(head.values[i]!);
  }
  return { ...head, names, values, protocol: HTTP_2_PROTOCOL, keepAlive: true, expectsContinue: false };
}
