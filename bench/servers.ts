import { fileURLToPath } from "node:url";
import { type AppName, isAsgi } from "./scenarios.ts";

/** Folder of the applications; every server is started in it. */
export const APPS_DIRECTORY = fileURLToPath(new URL("./apps", import.meta.url));

const TUNICORN = fileURLToPath(new URL("../bin/tunicorn", import.meta.url));

const CERTIFICATE = fileURLToPath(new URL("../test/certificates/server.pem", import.meta.url));
const KEY = fileURLToPath(new URL("../test/certificates/server.key", import.meta.url));

const APPS: Record<AppName, string> = {
  hello: "hello_wsgi:application",
  flask: "flask_app:application",
  django: "django_app:application",
  mixed: "mixed:application",
  asgi: "hello_asgi:application",
  "asgi-wait": "hello_asgi:waiting",
  fastapi: "fastapi_app:application",
  websocket: "websocket_asgi:application",
};

/** What a server is asked to do. */
export interface ServeCase {
  readonly app: AppName;
  readonly workers: number;
  /**
   * Requests that one worker may run at once: one, where all must have the same concurrency, as many as suit the server best, or a
   * number of threads, which only servers with a pool of them can have.
   */
  readonly threads: "one" | "best" | number;
  /** Workers of greenlets are asked for. */
  readonly greenlets: boolean;
  /** Most connections that will be open at once. */
  readonly connections: number;
  /** Connections that will be open and idle for longer than any server keeps them by default. */
  readonly idle: boolean;
  readonly accessLog: boolean;
  /** With a port for metrics. */
  readonly admin: boolean;
  /** The access log in JSON. */
  readonly jsonLog: boolean;
  readonly preload: boolean;
  /** The protocol that clients speak, by TLS; undefined: HTTP/1.1 in the clear. */
  readonly tls: "h2" | "http/1.1" | undefined;
  readonly port: number;
}

/** One line of the table of servers. */
export interface ServerSpec {
  readonly name: string;
  /** Program (found in .venv-bench when it has no slash) and arguments; undefined when the server cannot do this. Logs go to stdout or stderr. */
  readonly command: (serve: ServeCase) => string[] | undefined;
  readonly speaksTls?: true;
  readonly hasAdminPort?: true;
  readonly writesJson?: true;
}

/** @returns undefined when the server cannot do what is asked */
export function commandOf({ command, speaksTls, hasAdminPort, writesJson }: ServerSpec, serve: ServeCase): string[] | undefined {
  if ((serve.admin && hasAdminPort === undefined) || (serve.jsonLog && writesJson === undefined)) return undefined;
  return serve.tls !== undefined && speaksTls === undefined ? undefined : command(serve);
}

/** The options that Tunicorn has from Gunicorn. */
function gunicornOptions(serve: ServeCase): string[] {
  return [
    ...["--bind", `127.0.0.1:${serve.port}`, "--workers", `${serve.workers}`, "--log-level", "warning"],
    ...(serve.accessLog ? ["--access-logfile", "-"] : []),
    ...(serve.admin ? ["--admin-bind", "127.0.0.1:0"] : []),
    ...(serve.preload ? ["--preload"] : []),
    ...(serve.idle ? ["--keep-alive", "600"] : []),
    ...(serve.tls === undefined ? [] : ["--certfile", CERTIFICATE, "--keyfile", KEY]),
    ...(serve.tls === "h2" ? ["--http-protocols", "h2,h1"] : []),
    APPS[serve.app],
  ];
}

/** The options that uWSGI has with either of its HTTP sockets. */
function uwsgiOptions(serve: ServeCase): string[] {
  return [
    ...["--master", "--die-on-term", "--need-app", "--processes", `${serve.workers}`, "--module", APPS[serve.app]],
    ...(serve.accessLog ? [] : ["--disable-logging"]),
    // uWSGI preloads by default.
    ...(serve.preload ? [] : ["--lazy-apps"]),
    // The kernel's default listen queue of 100 is too short for 256 connections that all open at once.
    ...["--listen", "1024"],
  ];
}

/** @param best  What suits the server best. */
function threadsOf({ threads }: ServeCase, best: number): string {
  if (threads === "one") return "1";
  return `${threads === "best" ? best : threads}`;
}

/** @param more  Options that another entry differs in. */
function uvicornOptions(serve: ServeCase, more: readonly string[] = ["--ws", "websockets"]): string[] | undefined {
  if (serve.preload || typeof serve.threads === "number") return undefined;
  return [
    ...["uvicorn", "--host", "127.0.0.1", "--port", `${serve.port}`, "--workers", `${serve.workers}`, ...more],
    ...["--loop", "uvloop", "--http", "httptools", ...(serve.accessLog ? [] : ["--no-access-log", "--log-level", "warning"])],
    ...(serve.idle ? ["--timeout-keep-alive", "600"] : []),
    APPS[serve.app],
  ];
}

/** A server of one kind of applications only, without greenlets. */
function only(kind: "wsgi" | "asgi", command: ServerSpec["command"]): ServerSpec["command"] {
  return (serve) => (!serve.greenlets && isAsgi(serve.app) === (kind === "asgi") ? command(serve) : undefined);
}

/** Each with the options that were fastest for it when tried, in the order in which they take turns. */
export const SERVERS: readonly ServerSpec[] = [
  {
    name: "tunicorn",
    speaksTls: true,
    hasAdminPort: true,
    writesJson: true,
    command: (serve) => [
      TUNICORN,
      ...(serve.jsonLog ? ["--log-format", "json"] : []),
      ...(isAsgi(serve.app) ? ["--worker-class", "asgi"] : []),
      ...(serve.greenlets ? ["--worker-class", "gevent"] : []),
      ...(typeof serve.threads === "number" ? ["--worker-class", "gthread", "--threads", `${serve.threads}`] : []),
      ...gunicornOptions(serve),
    ],
  },
  {
    name: "gunicorn-sync",
    // It closes after each answer.
    command: only("wsgi", (serve) =>
      serve.idle || typeof serve.threads === "number" ? undefined : ["gunicorn", "--worker-class", "sync", ...gunicornOptions(serve)],
    ),
  },
  {
    name: "gunicorn-gevent",
    command: (serve) =>
      !serve.greenlets || isAsgi(serve.app) || typeof serve.threads === "number"
        ? undefined
        : ["gunicorn", "--worker-class", "gevent", ...gunicornOptions(serve)],
  },
  {
    name: "gunicorn-asgi",
    command: only("asgi", (serve) =>
      typeof serve.threads === "number" ? undefined : ["gunicorn", "--worker-class", "asgi", ...gunicornOptions(serve)],
    ),
  },
  {
    name: "uvicorn",
    command: only("asgi", (serve) => uvicornOptions(serve)),
  },
  {
    name: "uvicorn-wsproto",
    // Its other implementation of WebSockets.
    command: only("asgi", (serve) => (serve.app === "websocket" ? uvicornOptions(serve, ["--ws", "wsproto"]) : undefined)),
  },
  {
    name: "gunicorn-gthread",
    speaksTls: true,
    command: only("wsgi", (serve) => [
      // A connection of HTTP/2 holds a thread: with fewer threads than connections the others are never answered.
      ...["gunicorn", "--worker-class", "gthread", "--threads", threadsOf(serve, serve.tls === "h2" ? serve.connections : 4)],
      // Each worker may get all of them.
      ...(serve.idle ? ["--worker-connections", `${2 * serve.connections}`] : []),
      ...gunicornOptions(serve),
    ]),
  },
  {
    name: "granian",
    speaksTls: true,
    // Single-threaded runtime and one blocking thread: 67 k/s hello where two threads did 60 k and four 53 k.
    command: (serve) =>
      // It has no option for how long a connection may be idle.
      serve.preload || serve.idle || serve.greenlets
        ? undefined
        : [
            ...["granian", "--interface", isAsgi(serve.app) ? "asgi" : "wsgi", "--host", "127.0.0.1", "--port", `${serve.port}`],
            ...["--workers", `${serve.workers}`, "--runtime-mode", "st", ...(serve.app === "websocket" ? [] : ["--no-ws"])],
            ...(isAsgi(serve.app) ? ["--loop", "uvloop"] : ["--blocking-threads", threadsOf(serve, 1)]),
            // Its access log is written at level INFO.
            ...(serve.accessLog ? ["--access-log"] : ["--log-level", "warning"]),
            ...(serve.tls === undefined ? [] : ["--ssl-certificate", CERTIFICATE, "--ssl-keyfile", KEY]),
            APPS[serve.app],
          ],
  },
  {
    name: "uwsgi",
    // This socket closes after each answer but does not say so, which clients count as an error.
    command: only("wsgi", (serve) =>
      serve.idle || typeof serve.threads === "number"
        ? undefined
        : [...["uwsgi", "--http-socket", `127.0.0.1:${serve.port}`, "--add-header", "Connection: close"], ...uwsgiOptions(serve)],
    ),
  },
  {
    name: "uwsgi-http11",
    // Keep-alive, but each open connection holds a thread: with fewer threads than connections the others are never answered.
    command: only("wsgi", (serve) =>
      serve.threads !== "best" || serve.idle
        ? undefined
        : [
            ...["uwsgi", "--http11-socket", `127.0.0.1:${serve.port}`, "--threads", `${Math.ceil(serve.connections / serve.workers) + 1}`],
            ...uwsgiOptions(serve),
          ],
    ),
  },
  {
    name: "waitress",
    // One process whatever is asked, so its workers are threads. It has no access log.
    command: only("wsgi", (serve) =>
      serve.accessLog || serve.preload || serve.idle || typeof serve.threads === "number"
        ? undefined
        : [
            ...["waitress-serve", `--listen=127.0.0.1:${serve.port}`],
            ...[`--threads=${serve.threads === "one" ? serve.workers : 4 * serve.workers}`, "--connection-limit=1000"],
            APPS[serve.app],
          ],
    ),
  },
];
