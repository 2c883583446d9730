/** Hooks of a worker's process: order, arguments and attributes, the same config file under both servers. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { KINDS, type Scope, Server, type ServerKind, temporaryFolder } from "./harness.ts";
import { get, post } from "./http-client.ts";

/** Writes one line for each call; pids and ports are told by what they are equal to. */
const CONFIG = `
import os

def note(*words):
    os.write(2, ("HOOK " + " ".join(str(word) for word in words) + "\\n").encode())

def who(worker):
    return f"pid={worker.pid == os.getpid()} str={str(worker) == f'<Worker {os.getpid()}>'} age={worker.age} alive={worker.alive} booted={worker.booted} timeout={worker.timeout} workers={worker.cfg.workers}"

def post_worker_init(worker):
    note("post_worker_init", who(worker), callable(worker.wsgi))
    worker.log.info("hook logs %d", 1)

def worker_int(worker):
    note("worker_int", who(worker))

def worker_abort(worker):
    note("worker_abort", who(worker))

def worker_exit(server, worker):
    note("worker_exit", who(worker), server.pid == worker.ppid, server.num_workers, server.cfg is not None)

def pre_request(worker, req):
    note("pre_request", req.method, req.uri, req.path, req.query, req.fragment, req.version, req.scheme, worker.nr)
    note("headers", sorted(req.headers), req.remote_addr[0], req.should_close())
    if req.path == "/refused":
        raise ValueError("refused by the hook")

def post_request(worker, req, environ, resp):
    if resp is None or resp.status is None:
        note("post_request", req.path, bool(environ), resp is None, worker.nr)
    else:
        note("post_request", req.path, environ["PATH_INFO"], resp.status, resp.status_code, resp.sent, resp.response_length, resp.headers_sent, [header for header in resp.headers if header[0] != "Date"], worker.nr)
`;

async function startWith(t: Scope, kind: ServerKind, config: string, args: readonly string[]): Promise<Server> {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "hooks.py"), config);
  return await Server.start(t, kind, { args: ["cases", "-c", join(folder, "hooks.py"), ...args] });
}

const hookLines = (server: Server): string[] => server.lines.map(({ text }) => text).filter((text) => text.startsWith("HOOK "));

async function story(t: Scope, kind: ServerKind, args: readonly string[]): Promise<string[]> {
  const server = await startWith(t, kind, CONFIG, args);
  await server.exchange(get("/?a=1"));
  await server.waitForLine(/^HOOK post_request \/ /);
  await server.exchange(post("/echo", "12345", "X-One: 1\r\n"));
  await server.waitForLine(/^HOOK post_request \/echo /);
  await server.exchange(get("/generator"));
  await server.waitForLine(/^HOOK post_request \/generator /);
  assert.equal((await server.exchange(get("/refused"))).status, 500);
  await server.waitForLine(/^HOOK post_request \/refused /);
  assert.equal((await server.exchange(get("/raises"))).status, 500);
  await server.waitForLine(/^HOOK post_request \/raises /);
  await server.waitForLine(/\[INFO\] hook logs 1$/);
  server.signal("SIGTERM");
  await server.exit();
  return hookLines(server);
}

for (const args of [[], ["--threads", "3"], ["-k", "gevent"]]) {
  test(`hooks tell the same story on both servers ${args.join(" ")}`, async (t) => {
    const stories = await Promise.all(KINDS.map((kind) => story(t, kind, args)));
    for (const told of stories) {
      assert.deepEqual(
        told.map((line) => line.split(" ")[1]).filter((name) => name !== "headers"),
        ["post_worker_init", ...Array.from({ length: 5 }, () => ["pre_request", "post_request"]).flat(), "worker_exit"],
      );
      assert.deepEqual(told, stories[0]);
    }
  });
}

for (const kind of KINDS) {
  for (const args of [[], ["--threads", "2"]]) {
    test(`${kind}: INT calls worker_int, then worker_exit ${args.join(" ")}`, async (t) => {
      const server = await startWith(t, kind, CONFIG, args);
      await server.waitForLine(/^HOOK post_worker_init /);
      await server.exchange(get("/"));
      server.signal("SIGINT");
      await server.exit();
      assert.deepEqual(
        hookLines(server)
          .map((line) => line.split(" ")[1])
          .filter((name) => name?.startsWith("worker")),
        ["worker_int", "worker_exit"],
      );
    });
  }

  test(`${kind}: a timeout calls worker_abort, post_request, worker_exit`, async (t) => {
    const server = await startWith(t, kind, CONFIG, ["--timeout", "1"]);
    assert.equal((await server.exchange(get("/nap?seconds=20"))).status, 500);
    await server.waitForLine(/^HOOK worker_exit /);
    const names = hookLines(server).map((line) => line.split(" ")[1]);
    const first = names.indexOf("worker_abort");
    assert.deepEqual(names.slice(first, first + 3), ["worker_abort", "post_request", "worker_exit"]);
  });

  test(`${kind}: a post_request that fails is logged, and the request is answered`, async (t) => {
    const server = await startWith(t, kind, "def post_request(worker, req):\n    raise ValueError('too late')\n", []);
    assert.equal((await server.exchange(get("/"))).status, 200);
    await server.waitForLine(/\[ERROR\] Exception in post_request hook$/);
  });

  test(`${kind}: a worker whose post_worker_init fails has not booted`, async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, "hooks.py"), "def post_worker_init(worker):\n    raise ValueError('not today')\n");
    const server = Server.spawn(t, kind, { args: ["cases", "-c", join(folder, "hooks.py")] });
    assert.deepEqual(await server.exit(), { code: 3, signal: null });
    assert.match(server.output(), /Reason: Worker failed to boot\./);
  });
}

for (const args of [["cases"], ["-k", "asgi", "asgi_cases:application"]]) {
  test(`without pre_request the debug log has Gunicorn's line for every request ${args.join(" ")}`, async (t) => {
    for (const kind of KINDS) {
      const server = await Server.start(t, kind, { args: [...args, "--log-level", "debug"] });
      await server.exchange(get("/pid?a=1"));
      await server.waitForLine(/\[DEBUG\] GET \/pid$/);
    }
  });
}
