/** Workers with threads, on both servers. */

import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Case, compareServers } from "./differential.ts";
import { KINDS, Server, temporaryFolder } from "./harness.ts";
import { type Held, holdRequest, statusOf } from "./held-request.ts";
import { get } from "./http-client.ts";
import { reloadUnderLoad } from "./reload-under-load.ts";

const THREADS = 3;

/** The numbers that each of so many requests at once was given by a counter of its thread. */
function inThreads(name: string, path: string, expected: Case["expected"]): Case {
  return {
    name,
    run: async (server) => {
      const responses = await Promise.all(Array.from({ length: THREADS }, () => server.exchange(get(path))));
      return { bodies: responses.map(({ body }) => body).sort() };
    },
    expected,
  };
}

compareServers("a worker with threads", { args: ["cases", "--threads", `${THREADS}`] }, [
  {
    name: "the environ",
    run: async (server) => {
      const environ = JSON.parse((await server.exchange(get("/environ"))).body) as Record<string, unknown>;
      return { multithread: environ["wsgi.multithread"], multiprocess: environ["wsgi.multiprocess"] };
    },
    expected: { multithread: ["bool", true], multiprocess: ["bool", false] },
  },
  // Each waits in the application until all are there.
  inThreads("as many requests are in the application at once as there are threads", `/meet?count=${THREADS}`, {
    bodies: Array.from({ length: THREADS }, () => `met ${THREADS}`),
  }),
]);

compareServers("gthread by its name, with one thread", { args: ["cases", "-k", "gthread", "-w", "2"] }, [
  {
    name: "the environ",
    run: async (server) => {
      const environ = JSON.parse((await server.exchange(get("/environ"))).body) as Record<string, unknown>;
      return { multithread: environ["wsgi.multithread"], multiprocess: environ["wsgi.multiprocess"] };
    },
    expected: { multithread: ["bool", true], multiprocess: ["bool", true] },
  },
]);

for (const kind of KINDS) {
  test(`${kind}: sync with threads is gthread, and says so`, async (t) => {
    const server = await Server.start(t, kind, { args: ["cases", "--threads", "2"] });
    await server.waitForLine(/\[INFO\] Using worker: gthread$/);
  });

  test(`${kind}: TERM lets every thread finish its request`, async (t) => {
    const server = await Server.start(t, kind, { args: ["cases", "--threads", `${THREADS}`] });
    const held: Held[] = [];
    for (let n = 0; n < THREADS; n++) held.push(await holdRequest(t, server));
    server.signal("SIGTERM");
    await server.waitForLine(/Handling signal: term/);
    for (const { release } of held) release();
    assert.deepEqual(await Promise.all(held.map(statusOf)), [200, 200, 200]);
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
  });

  test(`${kind}: TERM kills threads that do not finish within graceful_timeout`, async (t) => {
    const server = await Server.start(t, kind, { args: ["cases", "--threads", `${THREADS}`, "--graceful-timeout", "1"] });
    const held = [await holdRequest(t, server), await holdRequest(t, server)];
    server.signal("SIGTERM");
    await server.exit();
    for (const { answer } of held) {
      const response = await answer;
      assert.ok(response instanceof Error || response.status >= 500, "nobody has answered it");
    }
  });

  test(`${kind}: a request may take longer than timeout in a thread`, async (t) => {
    // Gunicorn's main thread beats once a second, and a little later on a busy machine.
    const server = await Server.start(t, kind, { args: ["cases", "--threads", "2", "--timeout", "2"] });
    assert.equal((await server.exchange(get("/nap?seconds=5"))).status, 200);
    assert.equal(server.countLines(/WORKER TIMEOUT/), 0);
  });
}

test("a worker whose main thread shows no life is killed, its requests are answered 504", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "--threads", "2", "--timeout", "1"] });
  const held = [await holdRequest(t, server), await holdRequest(t, server)];
  process.kill(held[0]!.worker, "SIGSTOP");
  await server.waitForLine(/\[CRITICAL\] WORKER TIMEOUT \(pid:\d+\)/);
  const statuses = await Promise.all(held.map(statusOf));
  assert.ok(statuses.every((status) => status === 504 || status === 502) && statuses.includes(504), statuses.join());
  assert.equal(server.countLines(/WORKER TIMEOUT/), 1);
});

test("HUP under load with threads loses nothing", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "-w", "2", "--threads", `${THREADS}`] });
  await reloadUnderLoad(server);
});

test("more threads than a worker can have are refused", async (t) => {
  const server = Server.spawn(t, "tunicorn", { args: ["cases", "--threads", "1025"] });
  assert.deepEqual(await server.exit(), { code: 1, signal: null });
  assert.match(server.output("stderr"), /Error: threads is 1025, a worker can have 1024 at most/);
});

test("many threads: every lane is there", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases", "--threads", "100"] });
  const bodies = await Promise.all(Array.from({ length: 100 }, async () => (await server.exchange(get("/meet?count=100"))).body));
  assert.deepEqual(new Set(bodies), new Set(["met 100"]));
});

test("threads of the application, begun in a request, end before the worker does", async (t) => {
  const folder = temporaryFolder(t);
  const note = join(folder, "note");
  writeFileSync(
    join(folder, "late.py"),
    `import threading, time
def late():
    time.sleep(0.3)
    open(${JSON.stringify(note)}, "w").close()
def app(environ, start_response):
    threading.Thread(target=late).start()
    start_response("200 OK", [])
    return [str(threading.current_thread().daemon).encode()]
`,
  );
  const server = await Server.start(t, "tunicorn", { args: ["late:app", "--threads", "2"], cwd: folder });
  assert.equal((await server.exchange(get("/"))).body, "False");
  await server.stop();
  assert.ok(existsSync(note));
});
