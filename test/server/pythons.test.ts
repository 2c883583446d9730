import assert from "node:assert/strict";
import { readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { PYTHONS, type Python } from "../pythons.ts";
import { waitUntil } from "./deadline.ts";
import { APPS, Server, temporaryFolder } from "./harness.ts";
import { type Client, field, get, post } from "./http-client.ts";

/** The applications of cases.py and asgi_cases.py, and which Python runs them; `revision` tells old code from new. */
function application(revision: number): string {
  return `
import json, platform, sys
import asgi_cases, cases

facts = json.dumps([platform.python_implementation(), sys.version_info[:3], ${revision}]).encode()
# Nothing of ours may bring the global lock back.
locked = getattr(sys, "_is_gil_enabled", lambda: True)


def application(environ, start_response):
    if environ["PATH_INFO"] == "/python":
        return cases.answer(start_response, facts)
    if environ["PATH_INFO"] == "/locked":
        return cases.answer(start_response, str(locked()).encode())
    return cases.application(environ, start_response)


async def asgi(scope, receive, send):
    if scope["type"] == "http" and scope["path"] == "/python":
        await asgi_cases.whole(send, facts)
    elif scope["type"] == "http" and scope["path"] == "/locked":
        await asgi_cases.whole(send, str(locked()).encode())
    else:
        await asgi_cases.application(scope, receive, send)
`;
}

/** More than a slot of shared memory holds, and more than the worker's window. */
const UPLOAD = "0123456789abcdef".repeat(40_000);

async function start(t: TestContext, python: Python, flags: readonly string[]): Promise<{ server: Server; file: string }> {
  const folder = temporaryFolder(t);
  const file = join(folder, "site_wsgi.py");
  writeFileSync(file, application(1));
  const args = ["-w", "2", "--log-level", "debug", "--python", python.path, "--pythonpath", APPS, ...flags];
  // Shown at the end of a line, so that a module or a call that Python has come to dislike is found.
  const server = await Server.start(t, "tunicorn", { args, cwd: folder, env: { PYTHONWARNINGS: "default" } });
  return { server, file };
}

async function pythonOf(server: Server): Promise<unknown> {
  return JSON.parse((await server.exchange(get("/python"))).body);
}

async function exchangeChunked(client: Client, body: string): Promise<string> {
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
  client.send(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
  return (await client.readResponse("POST")).body;
}

const BLOCKING: readonly (readonly string[])[] = [
  ["site_wsgi"],
  ["site_wsgi", "--preload"],
  ["site_wsgi", "-k", "gthread", "--threads", "3"],
];

for (const python of PYTHONS) {
  const locked = python.name.endsWith("t") ? "False" : "True";

  for (const flags of BLOCKING) {
    test(`Python ${python.name} (${[python.path, ...flags].join(" ")}): requests, bodies, errors, files, a reload`, async (t) => {
      const { server, file } = await start(t, python, flags);
      assert.deepEqual(await pythonOf(server), ["CPython", python.version, 1]);
      const workers = await waitUntil("waiting for two workers", () => {
        const pids = server.lines.flatMap(({ text }) => /Booting worker with pid: (\d+)$/.exec(text)?.[1] ?? []);
        return pids.length === 2 && pids;
      });
      for (const pid of [server.nursery(), ...workers]) assert.equal(readlinkSync(`/proc/${pid}/exe`), python.program);

      assert.equal((await server.exchange(get("/locked"))).body, locked);
      assert.equal((await server.exchange(get("/"))).body, "hello\n");
      assert.equal((await server.exchange(post("/echo", "small"))).body, "small");
      assert.equal((await server.exchange(post("/echo", UPLOAD))).body, UPLOAD);
      assert.equal(await exchangeChunked(await server.connect(), UPLOAD), UPLOAD);
      assert.deepEqual(JSON.parse((await server.exchange(post("/read?how=iterate", "a\nb\nc"))).body), ["a\n", "b\n", "c"]);

      assert.equal((await server.exchange(get("/raises"))).status, 500);
      await server.waitForLine(/^ValueError: before start_response$/);
      assert.equal((await server.exchange(get("/raises-midway"))).complete, false);
      assert.equal((await server.exchange(get("/exc-info-before"))).status, 503);
      assert.equal((await server.exchange(get("/generator"))).body, "firstsecond");
      assert.equal((await server.exchange(get("/file"))).body, readFileSync(join(APPS, "cases.py"), "latin1"));
      assert.equal((await server.exchange(get("/file?memory=1"))).body, readFileSync(join(APPS, "cases.py"), "latin1"));
      assert.equal(field(await server.exchange(get("/headers")), "X-Latin"), "\u00e9");

      // One that still boots would be dismissed without a word.
      await server.workersReady(2);
      writeFileSync(file, application(2));
      server.signal("SIGHUP");
      await server.waitForLine(/reload done gen=1 workers=2$/);
      for (const pid of workers) await server.waitForLine(new RegExp(`Worker exiting \\(pid: ?${pid}\\)`));
      assert.deepEqual(await pythonOf(server), ["CPython", python.version, 2]);
      assert.deepEqual(await server.stop(), { code: 0, signal: null });
      assert.doesNotMatch(server.output(), /^.*\bWarning: .*$/m);
    });
  }

  test(`Python ${python.name} (${python.path} -k asgi): requests, bodies both ways, errors, files, lifespan, a reload`, async (t) => {
    // uvloop is for one Python only.
    const { server, file } = await start(t, python, ["site_wsgi:asgi", "-k", "asgi", "--asgi-loop", "asyncio"]);
    assert.deepEqual(await pythonOf(server), ["CPython", python.version, 1]);
    const workers = await waitUntil("waiting for two workers", () => server.workers().length === 2 && server.workers());
    for (const pid of workers) assert.equal(readlinkSync(`/proc/${pid}/exe`), python.program);

    assert.equal((await server.exchange(get("/locked"))).body, locked);
    assert.equal((await server.exchange(get("/"))).body, "hello\n");
    assert.equal((await server.exchange(post("/upload", "small"))).body, '[5, true, "complete"]');
    assert.equal((await server.exchange(post("/echo", UPLOAD))).body, UPLOAD);
    assert.equal(await exchangeChunked(await server.connect(), UPLOAD), UPLOAD);
    assert.equal((await server.exchange(get("/stream"))).body, "part 0\npart 1\npart 2\npart 3\npart 4\n");
    assert.equal((await server.exchange(get("/big"))).body.length, 3_000_000);
    const path = join(APPS, "asgi_cases.py");
    assert.equal((await server.exchange(get(`/pathsend?path=${path}`))).body, readFileSync(path, "latin1"));
    assert.equal((await server.exchange(get("/context?a"))).body, "none a");
    assert.deepEqual(JSON.parse((await server.exchange(get("/state"))).body)[0], 0);
    assert.equal((await server.exchange(get("/misuse?raise-first"))).status, 500);
    await server.waitForLine(/\[ERROR\] Error in ASGI application$/);
    assert.equal((await server.exchange(get("/misuse?half"))).complete, false);

    writeFileSync(file, application(2));
    server.signal("SIGHUP");
    await server.waitForLine(/reload done gen=1 workers=2$/);
    for (const pid of workers) await server.waitForLine(new RegExp(`Worker exiting \\(pid: ?${pid}\\)`));
    assert.deepEqual(await pythonOf(server), ["CPython", python.version, 2]);
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    assert.doesNotMatch(server.output(), /^.*\bWarning: .*$/m);
  });
}
