/**
 * The WSGI environ of a request, marshalled: what one `marshal.loads` in the worker turns into a dict (PEP 3333, protocols §4).
 *
 * Keys that are the same for all of a worker's requests (`wsgi.version`, `SERVER_SOFTWARE` ...) are added there.
 */

import { ownText } from "../base/own-text.ts";
import { percentDecode } from "../base/percent-decoding.ts";
import { reprString } from "../base/python-repr.ts";
import type { HeaderName } from "../request/header-name.ts";
import { ProtocolError } from "../request/protocol-error.ts";
import type { Peer, ProxyHeader, RequestHead } from "../request/request-head.ts";
import { DICT_END, DICT_START, marshalKey, marshalText, ValuePrefix } from "./marshal.ts";
import { tlsVariables } from "./tls-variables.ts";

/** One environ key of a header, and the serial number of the request that used it last. */
interface HeaderKey {
  readonly prefix: ValuePrefix;
  usedBy: number;
}

/** Environ keys kept for good, here and (interned) in every worker: as many as interned header names and some. */
const HEADER_KEYS_MAX = 4096;
/** Longer keys are never kept, so that the tables' bytes are bounded too. */
const HEADER_KEY_BYTES_MAX = 80;

const headerKeys = new Map<string, HeaderKey>();
/**
 * Keys that came when the table was full, as many again, plain text for the workers; all forgotten when they are too many.
 * Without them a client could fill the table with invented names once, and make every later request cost twice as much.
 */
const passingKeys = new Map<string, HeaderKey>();
let requestSerial = 0;

const REQUEST_METHOD = marshalKey("REQUEST_METHOD");
const SCRIPT_NAME = marshalKey("SCRIPT_NAME");
const PATH_INFO = marshalKey("PATH_INFO");
const QUERY_STRING = marshalKey("QUERY_STRING");
const RAW_URI = marshalKey("RAW_URI");
const SERVER_PROTOCOL = marshalKey("SERVER_PROTOCOL");
const EMPTY = marshalText("");
const SCHEMES = {
  http: marshalKey("wsgi.url_scheme") + marshalText("http"),
  https: marshalKey("wsgi.url_scheme") + marshalText("https"),
};
/** Ports of the schemes, where a Host names none (protocols §4, SERVER_PORT on unix sockets). */
const DEFAULT_PORTS = { http: "80", https: "443" };

/** Words of which every request has one of a few. Bounded: methods and versions that a client invents are not kept. */
const METHODS = new Map(
  ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].map((method) => [method, REQUEST_METHOD + marshalText(method)]),
);
const PROTOCOLS = new Map(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0"].map((protocol) => [protocol, SERVER_PROTOCOL + marshalText(protocol)]));

/** Addresses of a connection, marshalled at its first request. */
const peerEntries = new WeakMap<Peer, string>();

/**
 * @param mountedAt  SCRIPT_NAME of the process environment, `""` when there is none; a trusted header of the request overrides it.
 * @returns          A marshalled dict as latin-1 text.
 * @throws {ProtocolError} `bad-script-name` when the path is not below the mount point (Gunicorn: ConfigurationProblem);
 *                         `unsupported-connect-protocol` for what WSGI has no place for.
 */
export function encodeEnviron(head: RequestHead, mountedAt: string): string {
  if (head.connectProtocol !== undefined) {
    throw new ProtocolError("unsupported-connect-protocol", `WSGI has no :protocol ${reprString(head.connectProtocol)}`);
  }
  const scriptName = head.scriptName ?? mountedAt;
  const mount = scriptName === "" ? SCRIPT_NAME + EMPTY : SCRIPT_NAME + marshalText(scriptName);
  const path = scriptName === "" ? head.path : pathBelow(scriptName, head);
  return (
    DICT_START +
    (METHODS.get(head.method) ?? REQUEST_METHOD + marshalText(head.method)) +
    mount +
    PATH_INFO +
    marshalText(path) +
    QUERY_STRING +
    (head.query === "" ? EMPTY : marshalText(head.query)) +
    RAW_URI +
    marshalText(head.target) +
    (PROTOCOLS.get(head.protocol) ?? SERVER_PROTOCOL + marshalText(head.protocol)) +
    SCHEMES[head.scheme] +
    addresses(head) +
    headerEntries(head.names, head.values) +
    DICT_END
  );
}

/** PATH_INFO: the undecoded path without its mount point, then decoded; a plain prefix test as Gunicorn's, so `/ab` is below `/a`. */
function pathBelow(scriptName: string, head: RequestHead): string {
  if (!head.rawPath.startsWith(scriptName)) {
    throw new ProtocolError(
      "bad-script-name",
      `Configuration problem: Request path ${reprString(head.rawPath)} does not start with SCRIPT_NAME ${reprString(scriptName)}`,
    );
  }
  return percentDecode(head.rawPath.slice(scriptName.length));
}

function addresses(head: RequestHead): string {
  const { peer } = head;
  if (peer.serverPort === undefined) return marshalRemote(peer) + unixServerName(head);
  const known = peerEntries.get(peer);
  if (known !== undefined) return known;
  const entries =
    marshalRemote(peer) +
    marshalKey("SERVER_NAME") +
    marshalText(peer.serverName) +
    marshalKey("SERVER_PORT") +
    marshalText(String(peer.serverPort));
  const own = ownText(entries);
  peerEntries.set(peer, own);
  return own;
}

function marshalRemote(peer: Peer): string {
  const address = marshalKey("REMOTE_ADDR") + marshalText(peer.remoteAddress);
  const port = peer.remotePort === undefined ? "" : marshalKey("REMOTE_PORT") + marshalText(String(peer.remotePort));
  const tls = peer.tls === undefined ? "" : tlsVariables(peer.tls);
  return address + port + (peer.proxy === undefined ? "" : marshalProxy(peer.proxy)) + tls;
}

/** PROXY_ADDR and PROXY_PORT are where the client had connected to; a header that does not say has none. */
function marshalProxy({ protocol, addresses }: ProxyHeader): string {
  const entry = marshalKey("PROXY_PROTOCOL") + marshalText(protocol);
  if (addresses === undefined) return entry;
  const port = marshalKey("PROXY_PORT") + marshalText(String(addresses.proxyPort));
  return entry + marshalKey("PROXY_ADDR") + marshalText(addresses.proxyAddress) + port;
}

/** On a unix socket the Host header is all there is to name the server (protocols §4); `[::1]:8000` keeps its brackets. */
function unixServerName(head: RequestHead): string {
  const index = head.names.findIndex((name) => name.lower === "host");
  const host = index < 0 ? undefined : head.values[index];
  let name = head.peer.serverName;
  let port = "";
  if (host !== undefined) {
    const colon = /:[0-9]*$/.exec(host);
    name = colon === null ? host : host.slice(0, colon.index);
    port = colon === null ? DEFAULT_PORTS[head.scheme] : host.slice(colon.index + 1);
  }
  return marshalKey("SERVER_NAME") + marshalText(name) + marshalKey("SERVER_PORT") + marshalText(port);
}

/** `HTTP_*`, CONTENT_TYPE and CONTENT_LENGTH. */
function headerEntries(names: readonly HeaderName[], values: readonly string[]): string {
  const serial = ++requestSerial;
  let entries = "";
  for (let i = 0; i < names.length; i++) {
    const key = headerKey(names[i]!.environKey);
    if (key === undefined || key.usedBy === serial) return joinedHeaderEntries(names, values);
    key.usedBy = serial;
    entries += key.prefix.followedBy(values[i]!);
  }
  return entries;
}

/** @returns Undefined when the request has to go the slow way. */
function headerKey(environKey: string): HeaderKey | undefined {
  const known = headerKeys.get(environKey) ?? passingKeys.get(environKey);
  if (known !== undefined) return known;
  if (environKey.length > HEADER_KEY_BYTES_MAX) return undefined;
  if (headerKeys.size < HEADER_KEYS_MAX) return keep(headerKeys, environKey, marshalKey(environKey));
  if (passingKeys.size < HEADER_KEYS_MAX) return keep(passingKeys, environKey, marshalText(environKey));
  passingKeys.clear();
  // Forgotten with the keys is which of them this request has used: its repeats could no longer be seen.
  return undefined;
}

function keep(table: Map<string, HeaderKey>, environKey: string, marshalled: string): HeaderKey {
  const key = { prefix: new ValuePrefix(marshalled, "text"), usedBy: 0 };
  table.set(environKey, key);
  return key;
}

/** The slow way, for requests that repeat a header: values are joined by `,` without a blank, Cookie included, as Gunicorn does. */
function joinedHeaderEntries(names: readonly HeaderName[], values: readonly string[]): string {
  const joined = new Map<string, string>();
  for (let i = 0; i < names.length; i++) {
    const key = names[i]!.environKey;
    const earlier = joined.get(key);
    joined.set(key, earlier === undefined ? values[i]! : `${earlier},${values[i]}`);
  }
  let entries = "";
  for (const [key, value] of joined) entries += (headerKeys.get(key)?.prefix.marshalled ?? marshalText(key)) + marshalText(value);
  return entries;
}
