/** Settings `proxy_protocol` to `http2_max_header_list_size`: PROXY, uWSGI, TLS, HTTP/2. */

import { bool, count, countFromText, networkList, range, string } from "../kinds.ts";
import { http2Cleartext, httpProtocols, proxyProtocol, SSL_VERSION_DEFAULT, sslVersion } from "../kinds-of-one.ts";
import { setting } from "../setting.ts";

/** RFC 9113 §6.9.1 */
const WINDOW_SIZE_MAX = 2 ** 31 - 1;
/** RFC 9113 §4.2 */
const FRAME_SIZE_MIN = 16384;
const FRAME_SIZE_MAX = 2 ** 24 - 1;

const streamLimit = range(1, Number.MAX_SAFE_INTEGER, (value) =>
  value < 0n ? `Value must be positive: ${value}` : `HTTP/2 max concurrent streams must be at least 1: ${value}`,
);
const windowSize = range(0, WINDOW_SIZE_MAX, (value) =>
  value < 0n ? `Value must be positive: ${value}` : `HTTP/2 window size must be at most 2147483647: ${value}`,
);
const frameSize = range(
  FRAME_SIZE_MIN,
  FRAME_SIZE_MAX,
  (value) => `http2_max_frame_size must be between ${FRAME_SIZE_MIN} and ${FRAME_SIZE_MAX}, got ${value}`,
);

export const PROTOCOLS = {
  proxy_protocol: setting({
    section: "Server Mechanics",
    flags: ["--proxy-protocol"],
    action: "store_optional",
    bareValue: "auto",
    metavar: "MODE",
    kind: proxyProtocol,
    default: "off",
    onReload: "apply",
    doc: `Enable PROXY protocol support.

off, v1, v2 or auto; the option without a value means auto, and must then stand last or be written --proxy-protocol=auto.`,
  }),
  proxy_allow_ips: setting({
    section: "Server Mechanics",
    flags: ["--proxy-allow-from"],
    kind: networkList,
    default: "127.0.0.1,::1",
    onReload: "apply",
    doc: `Front-end's IP addresses or networks from which allowed accept proxy requests (comma separated).

* allows everybody. Peers on unix sockets are always allowed.`,
  }),
  protocol: setting({
    section: "Server Mechanics",
    flags: ["--protocol"],
    metavar: "STRING",
    kind: string,
    default: "http",
    onReload: "apply",
    doc: `The protocol for incoming connections.

http, or uwsgi for nginx's uwsgi_pass.`,
  }),
  uwsgi_allow_ips: setting({
    section: "Server Mechanics",
    flags: ["--uwsgi-allow-from"],
    kind: networkList,
    default: "127.0.0.1,::1",
    onReload: "apply",
    doc: `IPs allowed to send uWSGI protocol requests (comma separated).

Networks such as 10.0.0.0/8 are understood. * allows everybody. Peers on unix sockets are always allowed.`,
  }),
  keyfile: setting({
    section: "SSL",
    flags: ["--keyfile"],
    metavar: "FILE",
    kind: string,
    default: null,
    onReload: "apply",
    doc: `SSL key file`,
  }),
  certfile: setting({
    section: "SSL",
    flags: ["--certfile"],
    metavar: "FILE",
    kind: string,
    default: null,
    onReload: "apply",
    doc: `SSL certificate file`,
  }),
  ssl_version: setting({
    section: "SSL",
    flags: ["--ssl-version"],
    kind: sslVersion,
    default: SSL_VERSION_DEFAULT,
    onReload: "apply",
    noEffect: "Gunicorn ignores it since 21.0; the hook ssl_context sets versions",
    doc: `SSL version to use.`,
  }),
  cert_reqs: setting({
    section: "SSL",
    flags: ["--cert-reqs"],
    kind: countFromText,
    default: 0,
    onReload: "apply",
    doc: `Whether client certificate is required: 0 no, 1 optional, 2 required.`,
  }),
  ca_certs: setting({
    section: "SSL",
    flags: ["--ca-certs"],
    metavar: "FILE",
    kind: string,
    default: null,
    onReload: "apply",
    doc: `CA certificates file`,
  }),
  suppress_ragged_eofs: setting({
    section: "SSL",
    flags: ["--suppress-ragged-eofs"],
    action: "store_true",
    kind: bool,
    default: true,
    onReload: "apply",
    noEffect: "the gateway ends TLS; a client that closes without a close_notify is an end of file like any other",
    doc: `Suppress ragged EOFs.`,
  }),
  do_handshake_on_connect: setting({
    section: "SSL",
    flags: ["--do-handshake-on-connect"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "apply",
    noEffect: "the gateway makes every handshake as soon as a client connects, and no worker waits for it",
    doc: `Whether to perform SSL handshake on socket connect.`,
  }),
  ciphers: setting({
    section: "SSL",
    flags: ["--ciphers"],
    kind: string,
    default: null,
    onReload: "apply",
    doc: `SSL Cipher suite to use, in the format of an OpenSSL cipher list.`,
  }),
  http_protocols: setting({
    section: "HTTP/2",
    flags: ["--http-protocols"],
    metavar: "STRING",
    kind: httpProtocols,
    default: "h1",
    onReload: "apply",
    doc: `HTTP protocol versions to support (comma-separated, order = preference).

h1 and h2. A client that does not choose h2 is always served HTTP/1.1.`,
  }),
  http2_cleartext: setting({
    section: "HTTP/2",
    flags: ["--http2-cleartext"],
    metavar: "STRING",
    kind: http2Cleartext,
    default: "off",
    onReload: "apply",
    doc: `Accept HTTP/2 over cleartext TCP (h2c), and by which mechanism.

off, prior-knowledge, upgrade or both. Only for peers in forwarded_allow_ips, and only with h2 in http_protocols.`,
  }),
  http2_max_concurrent_streams: setting({
    section: "HTTP/2",
    flags: ["--http2-max-concurrent-streams"],
    metavar: "INT",
    kind: streamLimit,
    default: 100,
    onReload: "apply",
    doc: `Maximum number of concurrent HTTP/2 streams per connection.`,
  }),
  http2_initial_window_size: setting({
    section: "HTTP/2",
    flags: ["--http2-initial-window-size"],
    metavar: "INT",
    kind: windowSize,
    default: 65535,
    onReload: "apply",
    doc: `Initial HTTP/2 flow control window size in bytes.`,
  }),
  http2_max_frame_size: setting({
    section: "HTTP/2",
    flags: ["--http2-max-frame-size"],
    metavar: "INT",
    kind: frameSize,
    default: FRAME_SIZE_MIN,
    onReload: "apply",
    doc: `Maximum HTTP/2 frame payload size in bytes.`,
  }),
  http2_max_header_list_size: setting({
    section: "HTTP/2",
    flags: ["--http2-max-header-list-size"],
    metavar: "INT",
    kind: count,
    default: 65536,
    onReload: "apply",
    doc: `Maximum size of HTTP/2 header list in bytes (HPACK protection).

0 means no limit.`,
  }),
} as const;
