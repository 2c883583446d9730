/** Hooks under asgi workers, and what all classes show of `worker`: the same config file under both servers. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { KINDS, type Scope, Server, type ServerKind, temporaryFolder } from "./harness.ts";
import { get, post } from "./http-client.ts";

/** Writes one line for each call. Headers that only one server adds are left out. */
const CONFIG = `
import os, sys

def note(*words):
    os.write(2, ("HOOK " + " ".join(str(word) for word in words) + "\\n").encode())

NAMES = "age pid ppid sockets app timeout cfg log booted aborted alive nr max_requests reloader PIPE wait_fds SIGNALS"

def who(worker):
    missing = [name for name in NAMES.split() if not hasattr(worker, name)]
    kept = [name for name in ("wsgi", "asgi") if getattr(worker, name, None) is not None]
    return (
        f"missing={missing} pid={worker.pid == os.getpid()} str={str(worker) == f'<Worker {os.getpid()}>'} age={worker.age}"
        f" alive={worker.alive} booted={worker.booted} aborted={worker.aborted} timeout={worker.timeout} nr={worker.nr}"
        f" max={worker.max_requests == sys.maxsize} reloader={worker.reloader} workers={worker.cfg.workers} kept={kept}"
        f" app={worker.app.wsgi() is getattr(worker, kept[0])} signals={sorted(int(number) for number in worker.SIGNALS)}"
    )

def post_worker_init(worker):
    note("post_worker_init", who(worker))
    worker.log.info("hook logs %d", 1)

def worker_int(worker):
    note("worker_int", who(worker))

def worker_exit(server, worker):
    note("worker_exit", who(worker), server.pid == worker.ppid, server.num_workers, server.cfg is not None)

def pre_request(worker, req):
    note("pre_request", req.method, req.uri, req.path, req.query, repr(req.fragment), req.version, req.scheme)
    if hasattr(req, "headers_bytes"):
        note("headers", sorted(req.headers), sorted(req.headers_bytes), req.raw_path, req.content_length, req.chunked, req.get_header("Host"), req.should_close())
    if req.path == "/refused":
        raise ValueError("refused by the hook")

def post_request(worker, req, environ, resp):
    shown = resp and (resp.status, [header for header in resp.headers if header[0] not in ("transfer-encoding", "Date")], resp.sent)
    note("post_request", req.path, environ and sorted(environ.items()), shown)
`;

async function startWith(t: Scope, kind: ServerKind, args: readonly string[], config = CONFIG): Promise<Server> {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "hooks.py"), config);
  return await Server.start(t, kind, { args: ["-c", join(folder, "hooks.py"), ...args] });
}

const hookLines = (server: Server): string[] => server.lines.map(({ text }) => text).filter((text) => text.startsWith("HOOK "));

/** REMOTE_ADDR and Host name the client's and the server's port. */
const withoutPorts = (line: string): string => line.replaceAll(/127\.0\.0\.1:\d+|localhost:\d+/g, "HOST");

const REQUESTS: readonly { path: string; request: string; status: number }[] = [
  { path: "/", request: get("/?a=1&b=%20"), status: 200 },
  { path: "/echo", request: post("/echo", "12345", "X-One: 1\r\n"), status: 200 },
  { path: "/stream", request: get("/stream"), status: 200 },
  { path: "/scope/é", request: get("/scope/%C3%A9"), status: 200 },
  { path: "/status", request: "HEAD /status HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", status: 200 },
  { path: "/refused", request: get("/refused"), status: 500 },
  { path: "/misuse", request: get("/misuse?raise-first"), status: 500 },
];

async function story(t: Scope, kind: ServerKind, args: readonly string[]): Promise<string[]> {
  const server = await startWith(t, kind, [...args, "-k", "asgi", "asgi_cases:application"]);
  for (const { path, request, status } of REQUESTS) {
    assert.equal((await server.exchange(request)).status, status, `${kind} ${path}`);
    await server.waitForLine(new RegExp(`^HOOK post_request ${path} `));
  }
  await server.waitForLine(/\[INFO\] hook logs 1$/);
  server.signal("SIGTERM");
  await server.exit();
  return hookLines(server).map(withoutPorts);
}

for (const args of [[], ["--access-logfile", "/dev/null"]]) {
  test(`hooks of asgi workers tell the same story on both servers ${args.join(" ")}`, async (t) => {
    const stories = await Promise.all(KINDS.map((kind) => story(t, kind, args)));
    for (const told of stories) {
      assert.deepEqual(
        told.map((line) => line.split(" ")[1]).filter((name) => name !== "headers"),
        ["post_worker_init", ...REQUESTS.flatMap(() => ["pre_request", "post_request"]), "worker_exit"],
      );
      assert.equal(
        told.some((line) => /^HOOK post_request .* None None$/.test(line)),
        args.length === 0,
      );
      assert.deepEqual(told, stories[0]);
    }
  });
}

const CLASSES: readonly (readonly string[])[] = [["cases"], ["--threads", "2", "cases"], ["-k", "asgi", "asgi_cases:application"]];

for (const args of CLASSES) {
  test(`INT: worker_int and worker_exit see the same worker on both servers ${args.join(" ")}`, async (t) => {
    const stories = await Promise.all(
      KINDS.map(async (kind) => {
        const server = await startWith(t, kind, args);
        await server.exchange(get("/"));
        await server.waitForLine(/^HOOK post_request /);
        server.signal("SIGINT");
        await server.exit();
        return hookLines(server)
          .filter((line) => !/^HOOK (pre_request|post_request|headers) /.test(line))
          .map(withoutPorts);
      }),
    );
    for (const told of stories) {
      assert.deepEqual(
        told.map((line) => line.split(" ")[1]),
        ["post_worker_init", "worker_int", "worker_exit"],
      );
      assert.deepEqual(told, stories[0]);
    }
  });
}

const WRAPPING = `
def post_worker_init(worker):
    inner = worker.asgi
    async def wrapper(scope, receive, send):
        scope["path"] = "/context"
        await inner(scope, receive, send)
    worker.asgi = wrapper

def post_request(worker, req):
    raise ValueError("too late")
`;

test("what post_worker_init puts in the application's place is served, and a post_request that fails is logged", async (t) => {
  for (const kind of KINDS) {
    const server = await startWith(t, kind, ["-k", "asgi", "--asgi-lifespan", "off", "asgi_cases:application"], WRAPPING);
    assert.equal((await server.exchange(get("/anything?seen"))).body, "none seen");
    await server.waitForLine(/\[ERROR\] Exception in post_request hook$/);
  }
});

const ABORTED = `
import os

def note(name):
    return lambda *_: os.write(2, f"HOOK {name}\\n".encode())

worker_abort = lambda worker: note("worker_abort")()
post_request = lambda worker, req: note("post_request")()
worker_exit = lambda server, worker: note("worker_exit")()
`;

// Gunicorn's handler waits for the event loop, which is what is blocked.
test("a blocked event loop calls worker_abort, post_request, worker_exit when its time is over", async (t) => {
  const server = await startWith(t, "tunicorn", ["-k", "asgi", "--timeout", "2", "asgi_cases:application"], ABORTED);
  assert.equal((await server.exchange(get("/block"))).status, 502);
  await server.waitForLine(/^HOOK worker_exit$/);
  assert.deepEqual(hookLines(server), ["HOOK worker_abort", "HOOK post_request", "HOOK worker_exit"]);
});

/** A wrapped WSGI application. */
const WRAPPING_WSGI = `
def post_worker_init(worker):
    inner = worker.wsgi
    worker.wsgi = lambda environ, start_response: inner({**environ, "PATH_INFO": "/"}, start_response)
`;

for (const args of [[], ["--threads", "2"]]) {
  test(`what post_worker_init puts in the application's place is served ${args.join(" ")}`, async (t) => {
    for (const kind of KINDS) {
      const server = await startWith(t, kind, [...args, "cases"], WRAPPING_WSGI);
      assert.equal((await server.exchange(get("/raises"))).body, "hello\n");
    }
  });
}
