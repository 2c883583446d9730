/** uvicorn's worker classes, by name and derived: under Gunicorn they are uvicorn, under Tunicorn asgi workers. Scopes are the same. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ask, type Case, compareServers } from "./differential.ts";
import { environmentWithout } from "./environment-without.ts";
import { Server, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";

/** What a request is like for the application. The rest of the answer names the server. */
const show = (name: string, request: string, expected: Record<string, unknown> = {}): Case => ({
  name,
  run: async (server) => ({ body: (await server.exchange(request)).body }),
  expected,
});

const FORWARDED = "X-Forwarded-For: 192.0.2.9, 192.0.2.1\r\nX-Forwarded-Proto: https\r\n";

const SCOPES: readonly Case[] = [
  show("a path", get("/a%20b/%C3%A9?q=1")),
  show("what a proxy says", get("/", FORWARDED)),
  show("a proxy's port", get("/", "X-Forwarded-For: [2001:db8::1]:443\r\n")),
  show("nonsense of a proxy", get("/", "X-Forwarded-For: \r\nX-Forwarded-Proto: gopher\r\n")),
];

const CLASSES: readonly { args: readonly string[]; shows: RegExp }[] = [
  { args: ["-k", "uvicorn.workers.UvicornWorker", "uvicorn_site:application"], shows: /'192\.0\.2\.1'.*'uvloop'.*'https'/ },
  { args: ["-k", "uvicorn_worker.UvicornH11Worker", "uvicorn_site:make_application"], shows: /'192\.0\.2\.1'.*'asyncio'.*'https'/ },
  { args: ["-k", "uvicorn_site.Options", "uvicorn_site:application"], shows: /\('lifespan', False\).*'asyncio'.*'\/x\/'.*'\/x'/ },
  { args: ["-k", "uvicorn_site.Closed", "uvicorn_site:application"], shows: /'127\.0\.0\.1'.*\('lifespan', True\).*'scheme', 'http'\)/ },
  { args: ["-k", "uvicorn_site.Factory", "uvicorn_site:make_application", "--preload"], shows: /'uvloop'/ },
  { args: ["-k", "uvicorn_site.Own", "uvicorn_site:application"], shows: /'\/own'/ },
  {
    args: ["-k", "uvicorn_site.Options", "uvicorn_site:application", "--forwarded-allow-ips", "10.0.0.1"],
    shows: /'127\.0\.0\.1'.*'scheme', 'http'\)/,
  },
];

for (const { args, shows } of CLASSES) {
  compareServers(args.join(" "), { args }, [
    ...SCOPES,
    {
      name: "is what it should be",
      run: async (server) => ({ shown: shows.test((await server.exchange(get("/", FORWARDED))).body) }),
      expected: { shown: true },
    },
    ask("HEAD", "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", { statusLine: "HTTP/1.1 200 OK", body: "" }),
  ]);
}

test("the log names the class, and once what it asks for in vain", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["-k", "uvicorn_site.Closed", "-w", "2", "uvicorn_site:application"] });
  await server.waitForLine(/\[INFO\] Using worker: uvicorn_site\.Closed$/);
  const warning = /\[WARNING\] options without effect class=uvicorn_site\.Closed names=h11_max_incomplete_event_size$/;
  await server.waitForLine(warning);
  assert.equal((await server.exchange(get("/"))).status, 200);
  assert.equal(server.countLines(warning), 1);
  assert.ok(server.gateway() !== undefined, "its clients are the gateway's");
});

test("a class with code of its own keeps uvicorn, and accepts the clients", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["-k", "uvicorn_site.Own", "uvicorn_site:application"] });
  await server.waitForLine(/\[INFO\] worker class runs on uvicorn itself class=uvicorn_site\.Own overrides=__init__$/);
  assert.equal(server.gateway(), undefined);
});

test("a class beside its application needs no gunicorn package", async (t) => {
  const env = environmentWithout(t, ["gunicorn"]);
  const server = await Server.start(t, "tunicorn", { args: ["-k", "uvicorn_site.Options", "uvicorn_site:application"], env });
  assert.match((await server.exchange(get("/"))).body, /'\/x\/'/);
  assert.ok(server.gateway() !== undefined);
});

test("the plain names need no uvicorn, and a class object in the configuration file is as good as its name", async (t) => {
  const folder = temporaryFolder(t);
  const app = (word: string) => `async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"${word}"})
`;
  writeFileSync(join(folder, "plain.py"), app("plain"));
  const env = environmentWithout(t, ["uvicorn", "uvicorn_worker", "gunicorn"]);
  for (const name of ["uvicorn.workers.UvicornWorker", "uvicorn_worker.UvicornWorker"]) {
    const server = await Server.start(t, "tunicorn", { args: ["-k", name, "plain:app"], cwd: folder, env });
    assert.equal((await server.exchange(get("/"))).body, "plain");
  }
  writeFileSync(
    join(folder, "conf.py"),
    "from uvicorn_worker import UvicornWorker\nclass Mine(UvicornWorker):\n    CONFIG_KWARGS = {'lifespan': 'off'}\nworker_class = Mine\n",
  );
  const server = await Server.start(t, "tunicorn", { args: ["-c", "conf.py", "plain:app"], cwd: folder });
  assert.equal((await server.exchange(get("/"))).body, "plain");
  assert.match(server.output(), /Using worker: Mine$/m);
  assert.ok(server.gateway() !== undefined);
});
