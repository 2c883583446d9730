/** Settings that Gunicorn does not have: when a worker is replaced, how long a request and a boot may take, what follows a crash. */

import { bool, count, countOrNone } from "../kinds.ts";
import { setting } from "../setting.ts";

export const FAULTS = {
  boot_timeout: setting({
    section: "Worker Processes",
    flags: ["--boot-timeout"],
    metavar: "SECONDS",
    kind: countOrNone,
    default: null,
    onReload: "apply",
    ours: true,
    doc: `Seconds that a worker may take to import the application.

When not set: ten times timeout, and without end where timeout is 0. One that takes longer is killed, and another is tried. With preload_app
it is the time of the one import for all of them. 0 means without end.`,
  }),
  drain_delay: setting({
    section: "Worker Processes",
    flags: ["--drain-delay"],
    metavar: "SECONDS",
    kind: count,
    default: 0,
    onReload: "apply",
    ours: true,
    doc: `Seconds after SIGTERM for which everybody is still served, before the graceful stop begins.

The server says at once that it is not ready any more. Load balancers and orchestrators that look away only some seconds after that, or after
the signal itself, send nobody into a closed port. In the second half of the time HTTP/1 responses say Connection: close. A second SIGTERM ends
the delay, SIGINT and SIGQUIT end the server at once. Whatever gives the server its time to stop must allow drain_delay and graceful_timeout
together. After an upgrade (SIGUSR2) there is no delay: another master serves.`,
  }),
  request_timeout: setting({
    section: "Worker Processes",
    flags: ["--request-timeout"],
    metavar: "SECONDS",
    kind: count,
    default: 0,
    onReload: "apply",
    ours: true,
    doc: `Seconds in the application after which a request is interrupted and answered 504; its worker goes on.

Blocking workers get an exception, RequestTimeout, which passes through "except Exception"; in sync workers it also ends most waits for a
database or another server, in threads it comes when such a wait is over. In asgi workers the request's task is cancelled. The time
of a streamed answer counts too. sync workers are told by SIGUSR2: an application that has a handler of its own for it does without
this limit. 0 means never.`,
  }),
  request_timeout_hard: setting({
    section: "Worker Processes",
    flags: ["--request-timeout-hard"],
    metavar: "SECONDS",
    kind: count,
    default: 0,
    onReload: "apply",
    ours: true,
    doc: `Seconds in the application after which a request is answered 504 and its worker killed, whatever it does.

Other requests in the same worker are lost with it: with threads or asgi let request_timeout, which is kinder, strike earlier. The log
names the request and shows where all threads were. 0 means never.`,
  }),
  slow_request: setting({
    section: "Worker Processes",
    flags: ["--slow-request"],
    metavar: "SECONDS",
    kind: count,
    default: 0,
    onReload: "apply",
    ours: true,
    doc: `Seconds in the application after which a request is logged while it still runs, with the Python stack that it is in.

Again at twice that age, at four times, and so on: the stacks of a request that hangs are the same, those of one that computes are
not. Nothing is interrupted. The wait for a worker does not count. 0 means never.`,
  }),
  max_worker_age: setting({
    section: "Worker Processes",
    flags: ["--max-worker-age"],
    metavar: "SECONDS",
    kind: count,
    default: 0,
    onReload: "apply",
    ours: true,
    doc: `Seconds after which a worker is replaced.

Another one is ready before it leaves, and one is replaced at a time. 0 means never.`,
  }),
  max_worker_age_jitter: setting({
    section: "Worker Processes",
    flags: ["--max-worker-age-jitter"],
    metavar: "SECONDS",
    kind: count,
    default: 0,
    onReload: "apply",
    ours: true,
    doc: `The most that is added to max_worker_age.

Each worker gets a part of it, so that not all are replaced one after the other.`,
  }),
  max_worker_memory: setting({
    section: "Worker Processes",
    flags: ["--max-worker-memory"],
    metavar: "MIB",
    kind: count,
    default: 0,
    onReload: "apply",
    ours: true,
    doc: `Resident memory in MiB beyond which a worker is replaced, when it has finished its requests.

Looked at once a second; it is what top shows as RES, so with preload_app what workers share counts for each. Another worker is ready
before it leaves. 0 means no limit. Linux only: elsewhere it is said in the log that nothing is measured.`,
  }),
  max_worker_memory_hard: setting({
    section: "Worker Processes",
    flags: ["--max-worker-memory-hard"],
    metavar: "MIB",
    kind: count,
    default: 0,
    onReload: "apply",
    ours: true,
    doc: `Resident memory in MiB beyond which a worker is killed at once.

Its requests are lost: this is for one that would take the machine with it. 0 means no limit. Linux only, as max_worker_memory.`,
  }),
  retry_safe_requests: setting({
    section: "Worker Processes",
    flags: ["--retry-safe-requests"],
    action: "store_true",
    kind: bool,
    default: false,
    onReload: "apply",
    ours: true,
    doc: `Give a request to another worker when its worker died in it, instead of answering 502.

Only GET, HEAD, OPTIONS and TRACE requests of whose answer nothing was sent, without a body that is gone; once, so that a request which
kills workers kills two. Not after a time limit. Requests that no worker had begun always go to another one, whatever this says.`,
  }),
} as const;
