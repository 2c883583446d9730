/**
 * The ASGI scope of a request, marshalled: what one `marshal.loads` in the worker turns into a dict (ASGI "HTTP Connection Scope",
 * protocols §5.3). What is the same for all requests (`type`, `asgi`, `extensions`) is added there: dict displays are cheaper
 * than strings that travel.
 */

import { ownText } from "../base/own-text.ts";
import type { HeaderName } from "../request/header-name.ts";
import type { Peer, RequestHead } from "../request/request-head.ts";
import {
  DICT_END,
  DICT_START,
  marshalBytes,
  marshalInteger,
  marshalKey,
  marshalText,
  marshalTuple,
  marshalUtf8,
  NONE,
  startList,
  ValuePrefix,
} from "./marshal.ts";
import { tlsExtension } from "./tls-variables.ts";

const PAIR = marshalTuple(2);
const HTTP_VERSION = marshalKey("http_version");
const METHOD = marshalKey("method");
const SCHEMES = { http: marshalKey("scheme") + marshalText("http"), https: marshalKey("scheme") + marshalText("https") };
const WEBSOCKET_SCHEMES = { http: marshalKey("scheme") + marshalText("ws"), https: marshalKey("scheme") + marshalText("wss") };
const SUBPROTOCOLS = marshalKey("subprotocols");
const PATH = marshalKey("path");
const RAW_PATH = marshalKey("raw_path");
const QUERY_STRING = marshalKey("query_string");
const ROOT_PATH = marshalKey("root_path");
const HEADERS = marshalKey("headers");
const NO_QUERY = QUERY_STRING + marshalBytes("");

/** Words of which every request has one of a few. Bounded: methods and versions that a client invents are not kept. */
const METHODS = new Map(
  ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].map((method) => [method, METHOD + marshalText(method)]),
);
const VERSIONS = new Map([
  ...["1.1", "1.0"].map((version): [string, string] => [`HTTP/${version}`, HTTP_VERSION + marshalText(version)]),
  // ASGI "HTTP Connection Scope": the one version without a minor number.
  ["HTTP/2.0", HTTP_VERSION + marshalText("2")],
]);

/** Header names that are kept marshalled. As many as interned header names and some. */
const NAMES_MAX = 4096;
/** Longer names are not kept, so that the table's bytes are bounded too. */
const NAME_BYTES_MAX = 64;
const names = new Map<string, ValuePrefix>();

/** Addresses of a connection, marshalled at its first request. */
const peerEntries = new WeakMap<Peer, string>();
/** The setting root_path, marshalled once: it is the same for all requests of a gateway. */
let root = { path: "", entry: ROOT_PATH + marshalText("") };

/**
 * @param rootPath  The setting: copied; the path is neither stripped nor prefixed.
 * @returns         A marshalled dict as latin-1 text.
 */
export function encodeScope(head: RequestHead, rootPath: string): string {
  return (
    DICT_START +
    version(head) +
    (METHODS.get(head.method) ?? METHOD + marshalText(head.method)) +
    SCHEMES[head.scheme] +
    targetAndFields(head, rootPath) +
    DICT_END
  );
}

/** The scope of a WebSocket (ASGI "WebSocket Connection Scope"): without a method, with the subprotocols that the client offers. */
export function encodeWebsocketScope(head: RequestHead, rootPath: string): string {
  const offered = subprotocols(head);
  return (
    DICT_START +
    version(head) +
    WEBSOCKET_SCHEMES[head.scheme] +
    targetAndFields(head, rootPath) +
    SUBPROTOCOLS +
    startList(offered.length) +
    offered.map(marshalText).join("") +
    DICT_END
  );
}

function version({ protocol }: RequestHead): string {
  return VERSIONS.get(protocol) ?? HTTP_VERSION + marshalText(protocol.slice("HTTP/".length));
}

function targetAndFields(head: RequestHead, rootPath: string): string {
  if (root.path !== rootPath) root = { path: rootPath, entry: ROOT_PATH + marshalUtf8(Buffer.from(rootPath, "utf8").latin1Slice()) };
  return (
    PATH +
    marshalUtf8(head.path) +
    RAW_PATH +
    marshalBytes(head.rawPath) +
    (head.query === "" ? NO_QUERY : QUERY_STRING + marshalBytes(head.query)) +
    root.entry +
    addresses(head.peer) +
    headerList(head.names, head.values)
  );
}

/** `Sec-WebSocket-Protocol: chat, superchat`, all fields of that name: RFC 6455 §11.3.4 lets a client send several. */
function subprotocols(head: RequestHead): string[] {
  return head.values
    .filter((_, index) => head.names[index]!.lower === "sec-websocket-protocol")
    .flatMap((value) => value.split(","))
    .map((name) => name.trim());
}

/**
 * RFC 9110 §6.5.1: in HTTP/1.1 trailers are for clients that say they understand them, in a response that is chunked. HTTP/2 has a place
 * of its own for them, and Gunicorn sends them to all of its clients.
 */
export function takesTrailers(head: RequestHead): boolean {
  if (head.protocol === "HTTP/2.0") return true;
  if (head.protocol === "HTTP/1.0") return false;
  const index = head.names.findIndex(({ lower }) => lower === "te");
  if (index < 0) return false;
  return head.values[index]!.split(",").some((coding) => coding.trim().toLowerCase() === "trailers");
}

/** ASGI: `client` is None and `server` a path without a port on a unix socket. */
function addresses(peer: Peer): string {
  const known = peerEntries.get(peer);
  if (known !== undefined) return known;
  const entries =
    marshalKey("client") +
    (peer.remotePort === undefined ? NONE : PAIR + marshalText(peer.remoteAddress) + marshalInteger(peer.remotePort)) +
    marshalKey("server") +
    PAIR +
    marshalText(peer.acceptedOn ?? peer.serverName) +
    (peer.serverPort === undefined ? NONE : marshalInteger(peer.serverPort)) +
    (peer.tls === undefined ? "" : tlsExtension(peer.tls));
  const own = ownText(entries);
  peerEntries.set(peer, own);
  return own;
}

/** Pairs in order, repeats kept. */
function headerList(headerNames: readonly HeaderName[], values: readonly string[]): string {
  let list = HEADERS + startList(headerNames.length);
  for (let i = 0; i < headerNames.length; i++) list += pairPrefix(headerNames[i]!.lower).followedBy(values[i]!);
  return list;
}

function pairPrefix(name: string): ValuePrefix {
  const known = names.get(name);
  if (known !== undefined) return known;
  const prefix = new ValuePrefix(PAIR + marshalBytes(name), "bytes");
  if (names.size < NAMES_MAX && name.length <= NAME_BYTES_MAX) names.set(name, prefix);
  return prefix;
}
