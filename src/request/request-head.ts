/**
 * The words that every protocol shares: what a request's head says once its bytes have been checked.
 *
 * HTTP/1 and uWSGI make one today; HTTP/2 and WebSocket join by making the same shape.
 */

import type { EncodedHead } from "./encoded-head.ts";
import type { HeaderName } from "./header-name.ts";

/** What a PROXY protocol header said of its connection. */
export interface ProxyHeader {
  /** PROXY_PROTOCOL of the environ. `UNKNOWN` (v1), `LOCAL` and `UNSPEC` (v2) come without addresses that count. */
  readonly protocol: "TCP4" | "TCP6" | "UNKNOWN" | "LOCAL" | "UNSPEC";
  /** Undefined: the connection's own addresses stay the client's. */
  readonly addresses: ProxyAddresses | undefined;
}

/** Both ends of the client's connection to the proxy. */
export interface ProxyAddresses {
  readonly clientAddress: string;
  readonly clientPort: number;
  /** Where the client had connected to: PROXY_ADDR and PROXY_PORT. */
  readonly proxyAddress: string;
  readonly proxyPort: number;
}

/** What TLS has agreed upon for a connection. */
export interface TlsFacts {
  /** `"TLSv1.3"` */
  readonly version: string;
  /** IANA's name: `"TLS_AES_256_GCM_SHA384"`. */
  readonly cipher: string;
  /** PEM, as all certificates here. */
  readonly serverCertificate: string | undefined;
  /** The client's own, then its issuers; empty without one. Verified. */
  readonly clientChain: readonly string[];
  /** The subject of the client's certificate (RFC 4514): `"CN=me,C=CH"`. */
  readonly clientName: string | undefined;
}

/** Both ends of a client's connection, as text: what REMOTE_ADDR and SERVER_NAME are made of. */
export interface Peer {
  /** `"127.0.0.1"`, `"::1"`, or `""` for a client on a unix socket (PEP 3333 leaves it open; Gunicorn's choice). */
  readonly remoteAddress: string;
  /** Undefined for a client on a unix socket. */
  readonly remotePort: number | undefined;
  /** The address the listener is bound to (`"0.0.0.0"`), or the path of a unix socket. */
  readonly serverName: string;
  /** Where the listener is bound to all addresses: the one that this client has reached. Only set where somebody asks. */
  readonly acceptedOn?: string;
  /** Undefined for a unix socket. */
  readonly serverPort: number | undefined;
  /** May this peer set scheme and forwarder headers (`forwarded_allow_ips`; unix peers always may)? Of the real peer, whatever a PROXY header says. */
  readonly trusted: boolean;
  /** The connection is encrypted. */
  readonly secure: boolean;
  /** What the handshake has agreed upon. Absent without TLS. */
  readonly tls?: TlsFacts;
  /** What the connection began with; its client's address is `remoteAddress` already. Absent where it began without. */
  readonly proxy?: ProxyHeader;
}

/** How the body's end is found (RFC 9112 §6.3). */
export type BodyFraming = { readonly kind: "none" } | { readonly kind: "length"; readonly bytes: number } | { readonly kind: "chunked" };

/** One request's head, checked. Text is latin-1: one character for each byte on the wire. */
export interface RequestHead {
  readonly peer: Peer;
  /** `"GET"` */
  readonly method: string;
  /** The request target exactly as sent, RAW_URI: `"/a%20b?x=1#f"`. uWSGI: PATH_INFO and query, as Gunicorn puts them together. */
  readonly target: string;
  /** Path percent-decoded, SCRIPT_NAME not removed: `"/a b"`; `"*"`; `""` for `http://h`. */
  readonly path: string;
  /** Path before decoding: `"/a%20b"`. SCRIPT_NAME is removed from this one (protocols §4). */
  readonly rawPath: string;
  /** Between `?` and `#`, never decoded: `"x=1"`; `""` when absent. */
  readonly query: string;
  /** `"HTTP/1.1"` */
  readonly protocol: string;
  readonly scheme: "http" | "https";
  /** From a trusted SCRIPT_NAME header; undefined when there was none. */
  readonly scriptName: string | undefined;
  /** Header names in order, after `header_map`; repeats stay separate. `names[i]` belongs to `values[i]`. */
  readonly names: readonly HeaderName[];
  /** Values, outer SP and HTAB trimmed. */
  readonly values: readonly string[];
  readonly framing: BodyFraming;
  /** `Expect: 100-continue` on HTTP/1.1 or later. */
  readonly expectsContinue: boolean;
  /** What the client asked for: true when the connection may stay open after this exchange. */
  readonly keepAlive: boolean;
  /** What the client wants to speak on a stream of HTTP/2 instead (RFC 8441): `"websocket"`. Absent for all other requests. */
  readonly connectProtocol?: string;
  /** Of a head that its connection has brought before, byte by byte: more than one request has it. Absent for all others. */
  readonly encoded?: EncodedHead;
  /** A trusted proxy's, or made. Absent where nobody asks for ids; this and what follows is set once, before anybody else has this head. */
  requestId?: string;
  /** Of a trusted traceparent field (W3C Trace Context §3.2): `"4bf92f3577b34da6a3ce929d0e0e4736"`. */
  traceId?: string;
  /** What every response gets, unless it has such a field: `"X-Request-ID: 4bf9\r\n"`. */
  echo?: string;
}
