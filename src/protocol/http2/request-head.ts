/**
 * A request's head out of the fields of HTTP/2 (RFC 9113 §8.3): the same head as HTTP/1's, under the same policy.
 *
 *     :method, :scheme, :path                  any request; :authority or Host names the server
 *     :method CONNECT, :authority              a tunnel
 *     :method CONNECT, :protocol, and all others   another protocol on the stream (RFC 8441)
 *
 * Two ways to be wrong: *malformed* breaks HTTP/2's own rules, so that whoever made it does not speak HTTP/2 properly, and the stream
 * is reset (§8.1.1); *refused* breaks what every protocol's requests are held to, and is answered as HTTP/1's are.
 */

import { percentDecode } from "../../base/percent-decoding.ts";
import { headerName } from "../../request/header-name.ts";
import { ProtocolError } from "../../request/protocol-error.ts";
import type { BodyFraming, Peer, RequestHead } from "../../request/request-head.ts";
import type { HpackField } from "../hpack/field.ts";
import { requestFraming } from "../http1/body-framing.ts";
import type { Http1Policy } from "../http1/policy.ts";
import { headersTooLarge, invalidRequestLine, requestLineTooLong } from "../http1/refusals.ts";
import { RequestFields } from "../http1/request-fields.ts";
import { checkedMethod, HTTP_2, NOT_IN_TARGET } from "../http1/request-line.ts";
import { splitTarget } from "../http1/target.ts";
import { type PseudoHeaders, readPseudoHeaders } from "./pseudo-headers.ts";

export type ReadRequest =
  | { readonly is: "request"; readonly head: RequestHead }
  /** @see RFC 9113 §8.1.1. `what` is for the log. */
  | { readonly is: "malformed"; readonly what: string }
  | { readonly is: "refused"; readonly error: ProtocolError };

/** What RequestHead calls the protocol; Gunicorn's SERVER_PROTOCOL. */
export const HTTP_2_PROTOCOL = "HTTP/2.0";

/** RFC 8441 §5. */
const WEBSOCKET_PROTOCOL = "websocket";
/** Characters of a client's word in the log. */
const PROTOCOL_SHOWN_MAX = 40;

const HOST = headerName("host")!;
const COOKIE = headerName("cookie")!;
/** What Gunicorn adds to a field's name and value before it compares with `limit_request_field_size`. */
const FIELD_SEPARATOR_BYTES = 2;
const NO_BODY: BodyFraming = { kind: "none" };
/** A body without a length: its end is a frame's. */
const OPEN_END: BodyFraming = { kind: "chunked" };

/** Breaks a rule of HTTP/2's own. */
class Malformed extends Error {}

export interface RequestRules {
  readonly policy: Http1Policy;
  /** `:protocol` is allowed. */
  readonly extendedConnect: boolean;
}

/** @param endStream  The request has no body. */
export function readRequest(fields: readonly HpackField[], endStream: boolean, rules: RequestRules, peer: Peer): ReadRequest {
  const pseudo = readPseudoHeaders(fields, rules.extendedConnect);
  if (typeof pseudo === "string") return { is: "malformed", what: pseudo };
  try {
    const head = requestHead(fields, pseudo, endStream, rules.policy, peer);
    return { is: "request", head: pseudo.protocol === undefined ? head : extendedConnect(head, pseudo.protocol) };
  } catch (error) {
    if (error instanceof Malformed) return { is: "malformed", what: error.message };
    if (error instanceof ProtocolError) return { is: "refused", error };
    throw error;
  }
}

/** What follows is no body: it belongs to the protocol that was asked for, and its end is a frame's (RFC 8441 §4). */
function extendedConnect(head: RequestHead, protocol: string): RequestHead {
  if (protocol !== WEBSOCKET_PROTOCOL) {
    throw new ProtocolError(
      "unsupported-connect-protocol",
      `Unsupported :protocol: ${JSON.stringify(protocol.slice(0, PROTOCOL_SHOWN_MAX))}`,
    );
  }
  if (head.framing.kind === "length") throw new Malformed("Content-Length of a tunnel");
  return { ...head, framing: NO_BODY, connectProtocol: protocol };
}

function requestHead(
  fields: readonly HpackField[],
  pseudo: PseudoHeaders,
  endStream: boolean,
  policy: Http1Policy,
  peer: Peer,
): RequestHead {
  const method = checkedMethod(pseudo.method, policy);
  // A tunnel has no path; its target is what HTTP/1 has there.
  const target = pseudo.path ?? pseudo.authority ?? "";
  const { rawPath, query } = checkedTarget(target, method, pseudo.path === undefined, policy);
  const sink = new RequestFields(policy, peer, HTTP_2);
  // A proxy that we trust says with `:scheme` how its client came; others only repeat what we know.
  if (peer.trusted && (pseudo.scheme === "http" || pseudo.scheme === "https")) sink.scheme = pseudo.scheme;
  readFields(fields, pseudo, policy, sink);
  return {
    peer,
    method,
    target,
    path: percentDecode(rawPath),
    rawPath,
    query,
    protocol: HTTP_2_PROTOCOL,
    scheme: sink.scheme,
    scriptName: sink.scriptName,
    names: sink.names,
    values: sink.values,
    framing: framingOf(sink, endStream),
    expectsContinue: sink.expectsContinue,
    keepAlive: true,
  };
}

/** @param isTunnel  The target is an authority. */
function checkedTarget(target: string, method: string, isTunnel: boolean, policy: Http1Policy): { rawPath: string; query: string } {
  if (target.length > policy.requestLineBytesMax) throw requestLineTooLong(target.length, policy.requestLineBytesMax);
  const isPath = target.startsWith("/") || (target === "*" && method === "OPTIONS") || isTunnel;
  const parts = isPath && !NOT_IN_TARGET.test(target) ? splitTarget(target) : undefined;
  if (parts === undefined) throw invalidRequestLine(`${method} ${target} ${HTTP_2_PROTOCOL}`);
  return parts;
}

/** Takes all fields behind the pseudo-headers; the authority comes first, as Host (ASGI "HTTP Connection Scope"). */
function readFields(fields: readonly HpackField[], pseudo: PseudoHeaders, policy: Http1Policy, sink: RequestFields): void {
  const { authority } = pseudo;
  if (authority !== undefined) sink.add(HOST, authority);
  let hasHost = authority !== undefined;
  let cookieAt = -1;
  for (let i = pseudo.count; i < fields.length; i += 1) {
    const { name, value, sound } = fields[i]!;
    if (name.header === undefined) throw new Malformed(name.kind === "malformed" ? "field name is not lower case" : "late pseudo-header");
    if (!sound) throw new Malformed("field value with a control character, or a blank at its end");
    requireFieldSize(name.text, value, policy);
    switch (name.kind) {
      case "connection-specific":
        throw new Malformed("field of a connection of HTTP/1");
      case "te":
        if (value.toLowerCase() !== "trailers") throw new Malformed("TE other than trailers");
        break;
      case "host":
        // Two names of one server: who looks at the other one would route it elsewhere.
        if (authority !== undefined && authority.toLowerCase() !== value.toLowerCase()) throw new Malformed("Host is not the authority");
        hasHost = true;
        if (authority !== undefined) continue;
        break;
      case "cookie":
        // Clients cut it into crumbs that compress better (RFC 9113 §8.2.3).
        if (cookieAt >= 0) {
          sink.values[cookieAt] += `; ${value}`;
          requireFieldSize(name.text, sink.values[cookieAt]!, policy);
          continue;
        }
        cookieAt = sink.kept;
        break;
    }
    if (sink.kept >= policy.fieldsMax) throw headersTooLarge("limit request headers fields");
    sink.add(name.kind === "cookie" ? COOKIE : name.header, value);
  }
  if (!hasHost) throw new Malformed("neither authority nor Host");
}

function requireFieldSize(name: string, value: string, policy: Http1Policy): void {
  const fieldBytes = name.length + value.length + FIELD_SEPARATOR_BYTES;
  if (fieldBytes > policy.fieldBytesMax) throw headersTooLarge("limit request headers fields size");
}

function framingOf(sink: RequestFields, endStream: boolean): BodyFraming {
  const { framing } = sink.framing === undefined ? { framing: undefined } : requestFraming(sink.framing, HTTP_2);
  if (!endStream) return framing ?? OPEN_END;
  if (framing?.kind === "length") throw new Malformed("Content-Length without a body");
  return NO_BODY;
}
