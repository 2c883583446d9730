/** Settings that Gunicorn does not have: the gateway, its buffers, its queue, its times. */

import { bool, count, range, string, stringList, word } from "../kinds.ts";
import { adminAddresses, adminPrefix } from "../kinds-of-admin.ts";
import { fieldName } from "../kinds-of-one.ts";
import { setting } from "../setting.ts";

const KIB = 1024;
const GIB = 1024 ** 3;

/** Each has a channel to every thread of every worker: with more the machine would only carry messages about. */
const GATEWAYS_MAX = 64;

export const OURS = {
  python: setting({
    section: "Gateway",
    flags: ["--python"],
    metavar: "PATH",
    kind: string,
    default: null,
    onReload: "restart",
    ours: true,
    doc: `The Python that runs the application.

When not set: that of $VIRTUAL_ENV, else of .venv or venv in the application's directory, else python3 on the PATH.`,
  }),
  gateways: setting({
    section: "Gateway",
    flags: ["--gateways"],
    metavar: "INT",
    kind: range(1, GATEWAYS_MAX, (value) =>
      value < 1n ? `Value must be at least 1: ${value}` : `Value must be at most ${GATEWAYS_MAX}: ${value}`,
    ),
    default: 1,
    onReload: "restart",
    ours: true,
    doc: `The number of gateway processes, which own the client connections.

One is enough until it keeps a processor busy by itself, with TLS or many small answers; each more costs memory and wake-ups. All accept
the same clients. connection_limit, queue_limit and the limits of bodies and spools count in each gateway; worker_connections is divided
among them.`,
  }),
  request_buffering: setting({
    section: "Gateway",
    flags: ["--no-request-buffering"],
    action: "store_false",
    kind: bool,
    default: true,
    onReload: "apply",
    ours: true,
    doc: `Start a worker as soon as a request's head is there, as Gunicorn does.

By default the gateway first waits for the body, so that a slow client holds no worker. asgi workers always start at once: a slow
client holds up nobody there.`,
  }),
  body_buffer: setting({
    section: "Gateway",
    flags: ["--body-buffer"],
    metavar: "BYTES",
    kind: count,
    default: 128 * KIB,
    onReload: "apply",
    ours: true,
    doc: `Bytes of a request's body that are kept in memory; more is spooled to disk.

For asgi at most 64 KiB and no disk: receive() asks for more.`,
  }),
  body_wait: setting({
    section: "Gateway",
    flags: ["--body-wait"],
    metavar: "SECONDS",
    kind: count,
    default: 10,
    onReload: "apply",
    ours: true,
    doc: `Seconds that the start of a worker waits for a whole body.

After them the worker starts with what is there, and the rest follows as it arrives. That is for bodies that come at 64 KiB a second at
least: a slower one never holds a worker, but is waited for until it is whole or body_timeout strikes.`,
  }),
  body_spool_limit: setting({
    section: "Gateway",
    flags: ["--body-spool-limit"],
    metavar: "BYTES",
    kind: count,
    default: 8 * GIB,
    onReload: "apply",
    ours: true,
    doc: `Bytes of all requests' bodies together that are spooled to disk.

Beyond it, bodies are passed on to the worker as they arrive.`,
  }),
  response_buffer: setting({
    section: "Gateway",
    flags: ["--response-buffer"],
    metavar: "BYTES",
    kind: count,
    default: 256 * KIB,
    onReload: "apply",
    ours: true,
    doc: `Bytes of a response that are kept in memory for a slow client; more is spooled to disk.

For asgi at most 64 KiB and no disk: send() waits for the client.`,
  }),
  response_spool_limit: setting({
    section: "Gateway",
    flags: ["--response-spool-limit"],
    metavar: "BYTES",
    kind: count,
    default: GIB,
    onReload: "apply",
    ours: true,
    doc: `Bytes of one response that are spooled to disk.

Beyond it, the worker waits for its client.`,
  }),
  queue_limit: setting({
    section: "Gateway",
    flags: ["--queue-limit"],
    metavar: "INT",
    kind: count,
    default: 0,
    onReload: "apply",
    ours: true,
    doc: `Requests that may wait for a worker; beyond it no connection is accepted for a while.

0 means the value of backlog.`,
  }),
  queue_timeout: setting({
    section: "Gateway",
    flags: ["--queue-timeout"],
    metavar: "SECONDS",
    kind: count,
    default: 0,
    onReload: "apply",
    ours: true,
    doc: `Seconds that a request may wait for a worker before it is answered 503 with Retry-After.

0 means without end.`,
  }),
  sni_certificates: setting({
    section: "SSL",
    flags: ["--sni-certificate"],
    action: "append",
    metavar: "NAME=CERTFILE[,KEYFILE]",
    kind: stringList,
    default: [],
    onReload: "apply",
    ours: true,
    doc: `Certificates for other host names than that of certfile, which stays the one for all that are not named here.

A name like *.example.org stands for one label. Without a key file the key is in the certificate's file.`,
  }),
  handshake_timeout: setting({
    section: "SSL",
    flags: ["--handshake-timeout"],
    metavar: "SECONDS",
    kind: count,
    default: 10,
    onReload: "apply",
    ours: true,
    doc: `Seconds that a client may take for its TLS handshake.

0 means without end.`,
  }),
  head_timeout: setting({
    section: "Gateway",
    flags: ["--head-timeout"],
    metavar: "SECONDS",
    kind: count,
    default: 60,
    onReload: "apply",
    ours: true,
    doc: `Seconds that a client may take to send a request's whole head.

0 means without end.`,
  }),
  body_timeout: setting({
    section: "Gateway",
    flags: ["--body-timeout"],
    metavar: "SECONDS",
    kind: count,
    default: 60,
    onReload: "apply",
    ours: true,
    doc: `Seconds after which a client that does not send its request's body is answered 408 and dropped.

Sending means 500 bytes for each of these seconds: a byte now and then is not enough. The time in which nobody takes the body does not
count. 0 means without end.`,
  }),
  write_timeout: setting({
    section: "Gateway",
    flags: ["--write-timeout"],
    metavar: "SECONDS",
    kind: count,
    default: 60,
    onReload: "apply",
    ours: true,
    doc: `Seconds after which a client that does not take its response is dropped.

Taking means 500 bytes for each of these seconds, as long as anything waits for it: a byte now and then is not enough. 0 means never.`,
  }),
  proxy_keepalive: setting({
    section: "Gateway",
    flags: ["--proxy-keep-alive"],
    metavar: "SECONDS",
    kind: count,
    default: 75,
    onReload: "apply",
    ours: true,
    doc: `Seconds that a proxy's connection may be idle between two requests.

Proxies are the peers that forwarded_allow_ips trusts, and unix sockets. For them the larger of this and keepalive counts, for all
others keepalive alone; with keepalive 0 nobody's connection is kept. It should be longer than the proxy keeps its connections
(60 seconds for nginx), so that the proxy is the one that closes.`,
  }),
  connection_limit: setting({
    section: "Gateway",
    flags: ["--connection-limit"],
    metavar: "INT",
    kind: count,
    default: 0,
    onReload: "apply",
    ours: true,
    doc: `Connections that may be open at once; beyond it no connection is accepted for a while, and clients wait in the kernel's queue.

0 means as many as the limit of open files allows (ulimit -n), less a reserve for bodies and files on disk. More than that is never
accepted, whatever is set.`,
  }),
  warm_imports: setting({
    section: "Gateway",
    flags: ["--no-warm-imports"],
    action: "store_false",
    kind: bool,
    default: true,
    onReload: "apply",
    ours: true,
    doc: `Do not import the application's standard-library modules before forking workers.

By default workers share the memory of these modules; the application itself is still imported in each worker.`,
  }),
  reload_surge: setting({
    section: "Gateway",
    flags: ["--reload-surge"],
    metavar: "INT",
    kind: count,
    default: 1,
    onReload: "apply",
    ours: true,
    doc: `Workers that a reload (SIGHUP) may start beyond \`workers\` before old ones leave.

More make a reload quicker and need more memory for its time. With 0 an old worker leaves before its successor is forked: no more memory
is needed, but one worker less serves meanwhile, and with a single worker requests wait until the successor has imported the application.`,
  }),
  log_format: setting({
    section: "Logging",
    flags: ["--log-format"],
    metavar: "FORMAT",
    kind: word<"text" | "json">({
      words: ["text", "json"],
      none: "text",
      refuse: (text) => `Invalid log_format: ${text}: it is text or json`,
    }),
    default: "text",
    onReload: "apply",
    ours: true,
    doc: `How both logs are written: text, as Gunicorn's, or json, one object in each line.

The fields are in docs/logging.md. With json access_log_format counts for nothing, and each request has an id.`,
  }),
  request_id_header: setting({
    section: "Logging",
    flags: ["--request-id-header"],
    metavar: "NAME",
    kind: fieldName,
    default: null,
    onReload: "apply",
    ours: true,
    doc: `The header in which the application is given each request's id, for example X-Request-ID.

A trusted proxy's value is kept (forwarded_allow_ips, unix sockets); anybody else's is replaced by one that is made. Logs that speak of a
request name it by this id.`,
  }),
  request_id_echo: setting({
    section: "Logging",
    flags: ["--request-id-echo"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "apply",
    ours: true,
    doc: `Send the request's id to the client too, in request_id_header, unless the application sends that field itself.`,
  }),
  look_ahead: setting({
    section: "Gateway",
    flags: ["--look-ahead"],
    metavar: "INT",
    kind: count,
    default: 8,
    onReload: "apply",
    ours: true,
    doc: `Requests that are handed out beyond the number of idle workers, for the next one that is free.

They have left the queue; with none, workers wait for the gateway between requests. It is the least: when requests are short,
as many are handed out as were answered in the last millisecond, 128 at most.`,
  }),
  admin_bind: setting({
    section: "Gateway",
    flags: ["--admin-bind"],
    action: "append",
    metavar: "ADDRESS",
    kind: adminAddresses,
    default: [],
    onReload: "apply",
    ours: true,
    doc: `Where probes and scrapers find /livez, /readyz, /metrics and /status.

HOST:PORT, [IPV6]:PORT or unix:PATH. May be given several times; by default there is no such port. The master answers there by itself, also
while every worker is busy: see monitoring.md. It has no password: whoever reaches it may read it.`,
  }),
  admin_prefix: setting({
    section: "Gateway",
    flags: ["--admin-prefix"],
    metavar: "PATH",
    kind: adminPrefix,
    default: null,
    onReload: "apply",
    ours: true,
    doc: `Serves the pages of admin_bind on the application's addresses too, below this path: /PATH/readyz.

The application does not see these requests, and no worker is needed for them. Everybody who reaches the application reaches them, if no
proxy keeps them away. Workers that accept clients by themselves (worker-classes.md) know nothing of it.`,
  }),
} as const;
