/** Settings `config` to `keepalive`: what is served, where, by how many. */

import { parseInteger, reprString } from "../../base/python-repr.ts";
import { classUri, count, string, stringList } from "../kinds.ts";
import { type SurroundingDefault, setting } from "../setting.ts";
import type { Surroundings } from "../surroundings.ts";

/** Platforms say in WEB_CONCURRENCY how many workers fit the machine that they rented out. */
function workersFromEnvironment({ env }: Surroundings): SurroundingDefault | undefined {
  const { WEB_CONCURRENCY: text } = env;
  if (text === undefined) return undefined;
  const workers = parseInteger(text, 10);
  if (workers === undefined) throw new Error(`the environment variable WEB_CONCURRENCY is ${reprString(text)}, not a number of workers`);
  return { value: Number(workers), variable: "WEB_CONCURRENCY" };
}

export const SERVING = {
  config: setting({
    section: "Config File",
    flags: ["-c", "--config"],
    metavar: "CONFIG",
    kind: string,
    default: "./gunicorn.conf.py",
    onReload: "apply",
    doc: `The config file, as PATH, file:PATH or python:MODULE_NAME.

Means something on the command line and in GUNICORN_CMD_ARGS only. Without it, gunicorn.conf.py in the directory of the start is read,
or else tunicorn.conf.py there. Only one file is ever read.`,
  }),
  wsgi_app: setting({
    section: "Config File",
    flags: [],
    metavar: "STRING",
    kind: string,
    default: null,
    onReload: "apply",
    doc: `The application, as MODULE_NAME:VARIABLE_NAME, when the command line names none.`,
  }),
  bind: setting({
    section: "Server Socket",
    flags: ["-b", "--bind"],
    action: "append",
    metavar: "ADDRESS",
    kind: stringList,
    default: ["127.0.0.1:8000"],
    surroundingDefault: ({ env }) => (env.PORT === undefined ? undefined : { value: [`0.0.0.0:${env.PORT}`], variable: "PORT" }),
    onReload: "rebind",
    doc: `The socket to bind.

HOST, HOST:PORT, [IPV6]:PORT, unix:PATH or fd://FD. May be given several times. With the environment variable PORT set, the default is
0.0.0.0:$PORT.`,
  }),
  backlog: setting({
    section: "Server Socket",
    flags: ["--backlog"],
    metavar: "INT",
    kind: count,
    default: 2048,
    onReload: "restart",
    doc: `The maximum number of pending connections.

The length of the kernel's accept queue, and the default of queue_limit.`,
  }),
  workers: setting({
    section: "Worker Processes",
    flags: ["-w", "--workers"],
    metavar: "INT",
    kind: count,
    default: 1,
    surroundingDefault: workersFromEnvironment,
    onReload: "apply",
    doc: `The number of worker processes for handling requests.

Two to four for each core is usual. The environment variable WEB_CONCURRENCY changes the default.`,
  }),
  worker_class: setting({
    section: "Worker Processes",
    flags: ["-k", "--worker-class"],
    metavar: "STRING",
    kind: classUri,
    default: "sync",
    onReload: "apply",
    doc: `The type of workers to use.

sync, gthread, gevent, eventlet, tornado or asgi, or the class itself: by its dotted path, its entry point (egg:distribution#name), or, in
the configuration file, as an object. sync with more than one thread means gthread.

uvicorn.workers.UvicornWorker, uvicorn_worker.UvicornWorker and what is derived from them are asgi workers.

tornado, and every class that is not one of the others, accepts the clients by itself: see worker-classes.md.`,
  }),
  threads: setting({
    section: "Worker Processes",
    flags: ["--threads"],
    metavar: "INT",
    kind: count,
    default: 1,
    onReload: "apply",
    doc: `The number of worker threads for handling requests.

More than one turns the class sync into gthread: each thread serves one request at a time. At most 1024.`,
  }),
  worker_connections: setting({
    section: "Worker Processes",
    flags: ["--worker-connections"],
    metavar: "INT",
    kind: count,
    default: 1000,
    onReload: "apply",
    doc: `The maximum number of simultaneous clients.

Counted for each worker; for the classes gevent, eventlet and asgi. These are requests in the application: idle connections are
the gateway's and not counted, and what is beyond waits in its queue.`,
  }),
  max_requests: setting({
    section: "Worker Processes",
    flags: ["--max-requests"],
    metavar: "INT",
    kind: count,
    default: 0,
    onReload: "apply",
    doc: `The maximum number of requests a worker will process before restarting.

Limits the damage of memory leaks. 0 turns it off.`,
  }),
  max_requests_jitter: setting({
    section: "Worker Processes",
    flags: ["--max-requests-jitter"],
    metavar: "INT",
    kind: count,
    default: 0,
    onReload: "apply",
    doc: `The maximum jitter to add to the max_requests setting.

Each worker draws a number from 0 to this one, so that not all restart together.`,
  }),
  timeout: setting({
    section: "Worker Processes",
    flags: ["-t", "--timeout"],
    metavar: "INT",
    kind: count,
    default: 30,
    onReload: "apply",
    doc: `Workers silent for more than this many seconds are killed and restarted.

For the class sync this is the longest time of one request. 0 turns the check off.`,
  }),
  graceful_timeout: setting({
    section: "Worker Processes",
    flags: ["--graceful-timeout"],
    metavar: "INT",
    kind: count,
    default: 30,
    onReload: "apply",
    doc: `Timeout for graceful workers restart in seconds.

Workers that were told to stop have this long to finish their requests, then they are killed.`,
  }),
  keepalive: setting({
    section: "Worker Processes",
    flags: ["--keep-alive"],
    metavar: "INT",
    kind: count,
    default: 2,
    onReload: "apply",
    doc: `The number of seconds to wait for requests on a Keep-Alive connection.

Idle connections cost a worker nothing here, so larger values than Gunicorn's are harmless; behind a load balancer, use more than its own.`,
  }),
} as const;
