/** Workers of greenlets: Gunicorn's gevent and ours side by side, then what only ours has, eventlet included. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ask, askFor, type Case, compareServers, talk } from "./differential.ts";
import { KINDS, Server, type StartOptions, temporaryFolder } from "./harness.ts";
import { holdRequest, statusOf } from "./held-request.ts";
import { get, post } from "./http-client.ts";
import { reloadUnderLoad } from "./reload-under-load.ts";

const TOGETHER = 20;
const ERROR_PAGE = { statusLine: "HTTP/1.1 500 Internal Server Error", framing: "length", complete: true };

const CASES: readonly Case[] = [
  {
    name: "the environ",
    run: async (server) => {
      const environ = JSON.parse((await server.exchange(get("/environ?a=%20", "X-A: 1\r\nX-A: 2\r\n"))).body) as Record<string, unknown>;
      const { REMOTE_PORT, SERVER_PORT, SERVER_SOFTWARE, ...rest } = environ;
      assert.ok(REMOTE_PORT && SERVER_PORT && SERVER_SOFTWARE);
      return rest;
    },
    expected: {
      PATH_INFO: ["str", "/environ"],
      QUERY_STRING: ["str", "a=%20"],
      HTTP_X_A: ["str", "1,2"],
      "wsgi.multithread": ["bool", true],
      "wsgi.multiprocess": ["bool", false],
    },
  },
  {
    name: "many requests are in the application at once",
    run: async (server) => {
      const responses = await Promise.all(Array.from({ length: TOGETHER }, () => server.exchange(get(`/meet?count=${TOGETHER}`))));
      return { bodies: responses.map(({ body }) => body) };
    },
    expected: { bodies: Array.from({ length: TOGETHER }, () => `met ${TOGETHER}`) },
  },
  ...["all", "pieces", "line", "lines", "iterate", "mixed"].map((how) =>
    ask(`read: ${how}`, post(`/read?how=${how}`, "one\ntwo\n\nthree"), { statusLine: "HTTP/1.1 200 OK" }),
  ),
  ask("echo of a large body", post("/echo", "e".repeat(500_000)), { body: "e".repeat(500_000), complete: true }),
  talk(
    "a slow upload holds up nobody",
    async (client, server) => {
      client.send("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 8\r\n\r\nslow");
      const { body: meanwhile } = await server.exchange(get("/"));
      client.send("fast");
      const { body } = await client.readResponse();
      return { meanwhile, body };
    },
    { body: "slowfast" },
  ),
  talk(
    "a client that does not read holds up nobody",
    async (client, server) => {
      client.socket.pause();
      client.send(get("/big"));
      const { status } = await server.exchange(get("/"));
      client.socket.resume();
      const { complete } = await client.readResponse();
      return { status, complete };
    },
    { status: 200, complete: true },
  ),
  askFor("/generator", { framing: "chunked", complete: true }),
  askFor("/generator-with-length", { framing: "length", complete: true }),
  askFor("/write", { complete: true }),
  askFor("/file", { statusLine: "HTTP/1.1 200 OK", complete: true }),
  askFor("/empty-file", { complete: true }),
  askFor("/raises", ERROR_PAGE),
  askFor("/raises-first", ERROR_PAGE),
  askFor("/raises-midway", { complete: false }),
  ask("HEAD", "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", { body: "" }),
  ask("HTTP/1.0", "GET /generator HTTP/1.0\r\n\r\n", { framing: "close" }),
  talk(
    "keep-alive",
    async (client) => {
      const bodies: string[] = [];
      for (let n = 0; n < 3; n++) {
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        bodies.push((await client.readResponse()).body);
      }
      return { same: new Set(bodies).size };
    },
    { same: 1 },
  ),
];

compareServers("gevent", { args: ["cases", "-k", "gevent"] }, CASES);

/** What eventlet, which Gunicorn has no more, is compared with: gevent of Gunicorn. */
compareServers("eventlet", (kind): StartOptions => ({ args: ["cases", "-k", kind === "gunicorn" ? "gevent" : "eventlet"] }), CASES);

for (const kind of KINDS) {
  test(`${kind}: TERM lets greenlets finish`, async (t) => {
    const server = await Server.start(t, kind, { args: ["cases", "-k", "gevent"] });
    await server.waitForLine(/\[INFO\] Using worker: gevent$/);
    const held = [await holdRequest(t, server), await holdRequest(t, server)];
    server.signal("SIGTERM");
    await server.waitForLine(/Handling signal: term/);
    for (const { release } of held) release();
    assert.deepEqual(await Promise.all(held.map(statusOf)), [200, 200]);
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
  });
}

for (const name of ["gevent", "eventlet"]) {
  /** Blocks the hub: `time.sleep` would not. */
  const application = `import socket, sys, threading, time
print("imported patched", type(threading.current_thread()).__name__, socket.socket.__module__.partition(".")[0], flush=True)
def app(environ, start_response):
    if environ["PATH_INFO"] == "/block":
        print("application blocks", flush=True)
        while True:
            pass
    start_response("200 OK", [])
    return [b"hello"]
`;
  const inFolder = (t: Parameters<typeof temporaryFolder>[0], config = ""): string => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, "site_of_test.py"), application);
    writeFileSync(join(folder, "gunicorn.conf.py"), config);
    return folder;
  };

  test(`${name}: a blocked hub is killed, its request answered, and another worker serves`, async (t) => {
    const cwd = inFolder(t);
    const server = await Server.start(t, "tunicorn", { args: ["site_of_test:app", "-k", name, "--timeout", "2"], cwd });
    await server.waitForLine(new RegExp(`^imported patched \\w+ ${name}$`));
    const blocked = server.exchange(get("/block"));
    await server.waitForLine(/\[CRITICAL\] WORKER TIMEOUT \(pid:\d+\)/);
    await server.waitForLine(/worker timed out .*target=\/block/);
    await server.waitForLine(/stacks of all threads at SIGABRT/);
    assert.ok((await blocked).status >= 500);
    assert.equal((await server.exchange(get("/"))).body, "hello");
  });

  test(`${name}: with preload_app the library is patched before the application, in the mold`, async (t) => {
    const cwd = inFolder(t);
    const server = await Server.start(t, "tunicorn", { args: ["site_of_test:app", "-k", name, "--preload", "-w", "2"], cwd });
    for (let n = 0; n < 4; n++) assert.equal((await server.exchange(get("/"))).body, "hello");
    assert.equal(server.countLines(new RegExp(`^imported patched \\w+ ${name}$`)), 1, server.output());
    server.signal("SIGHUP");
    await server.waitForLine(/reload done gen=1 workers=2$/);
    assert.equal((await server.exchange(get("/"))).body, "hello");
  });
}

test("a configuration file that patches the standard library harms nobody", async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "patched.py"), "from gevent import monkey\nmonkey.patch_all()\n");
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-k", "gevent", "-c", join(folder, "patched.py")] });
  assert.equal((await server.exchange(get("/"))).status, 200);
  const [worker] = server.workers();
  process.kill(worker ?? assert.fail("no worker"), "SIGKILL");
  await server.waitForLine(/was sent SIGKILL/);
  assert.equal((await server.exchange(get("/"))).status, 200);
});

test("worker_connections bounds what is in the application of one worker; the rest waits", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-k", "gevent", "--worker-connections", "2"] });
  const held = [await holdRequest(t, server), await holdRequest(t, server)];
  const order: string[] = [];
  const third = server.exchange(get("/")).then(() => order.push("third"));
  // Its connection is no newer than this one, whose refusal needs no worker: the third has come.
  assert.equal((await server.exchange("no request\r\n\r\n")).status, 400);
  order.push("release");
  for (const { release } of held) release();
  assert.deepEqual(await Promise.all(held.map(statusOf)), [200, 200]);
  await third;
  assert.deepEqual(order, ["release", "third"]);
});

test("HUP under load loses nothing", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "2", "-k", "gevent"] });
  await reloadUnderLoad(server);
});

for (const name of ["gevent", "eventlet"]) {
  test(`without the package ${name} the start is refused, with what to install`, async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, "without.py"), `import sys\nsys.modules[${JSON.stringify(name)}] = None\n`);
    const server = Server.spawn(t, "tunicorn", { args: ["cases", "-k", name, "-c", join(folder, "without.py")] });
    assert.deepEqual(await server.exit(), { code: 1, signal: null });
    assert.match(server.output("stderr"), new RegExp(`Error: class uri '${name}' invalid or not found:[\\s\\S]*pip install ${name}`));
  });
}
