import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { ask, askFor, type Case, compareServers, facts } from "./differential.ts";
import { APPS, KINDS, Server, type ServerKind, temporaryFolder } from "./harness.ts";
import { get, post } from "./http-client.ts";
import { djangoCases, siteCases } from "./site-cases.ts";

const UPLOAD = "0123456789abcdef".repeat(40_000);
const BOUNDARY = "----boundary";
const MULTIPART = [
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n`,
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\nContent-Type: application/octet-stream\r\n\r\n`,
  `${UPLOAD}\r\n--${BOUNDARY}--\r\n`,
].join("");
const multipart = (target: string) => post(target, MULTIPART, `Content-Type: multipart/form-data; boundary=${BOUNDARY}\r\n`);
const SHA256 = createHash("sha256").update(UPLOAD).digest("hex");

compareServers("a Starlette site", { args: ["starlette_site:app", "-k", "asgi"] }, [
  askFor("/", { body: "hello world" }),
  askFor("/?name=%C3%A9t%C3%A9", {}),
  askFor("/state", { body: "hello from the lifespan" }),
  askFor("/stream", { body: "part 0\npart 1\npart 2\npart 3\npart 4\n", framing: "chunked", complete: true }),
  askFor("/broken-stream", { body: "half" }),
  ask("an upload that streams", post("/upload", UPLOAD), { body: `[${UPLOAD.length},"${SHA256}"]` }),
  ask("a multipart form", multipart("/form"), { body: `["a.bin",${UPLOAD.length},"hello"]` }),
  {
    name: "a file, sent by the gateway or read",
    run: async (server) => {
      const { body, complete, framing } = facts(await server.exchange(get("/file")));
      return { body, complete, framing };
    },
    expected: { body: readFileSync(join(APPS, "starlette_site.py"), "latin1"), complete: true, framing: "length" },
  },
  ask("a part of the file", get("/file", "Range: bytes=3-9\r\n"), { body: "A Starl", statusLine: "HTTP/1.1 206 Partial Content" }),
  ask("HEAD of the file", "HEAD /file HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", { body: "" }),
  askFor("/nowhere", { statusLine: "HTTP/1.1 404 Not Found" }),
  askFor("/fails", { statusLine: "HTTP/1.1 500 Internal Server Error", body: "Internal Server Error" }),
  askFor("/groups", { body: "[[0,1,2],true,3]" }),
  {
    name: "background tasks run on after the answer",
    run: async (server) => {
      for (const n of [1, 2, 3]) await server.exchange(get(`/background?n=${n}`));
      const done = await waitUntil("waiting for the tasks", async () => {
        const { body } = await server.exchange(get("/done"));
        return body.includes("3") ? body : undefined;
      });
      return { done };
    },
    expected: { done: '["1","2","3"]' },
  },
]);

compareServers("a FastAPI site", { args: ["fastapi_site:app", "-k", "asgi"] }, [
  askFor("/", { body: '{"message":"hello"}' }),
  askFor("/threaded/42", { body: '{"number":42}' }),
  askFor("/threaded/x", { statusLine: "HTTP/1.1 422 Unprocessable Entity" }),
  ask("a model", post("/items", '{"name": "a", "price": "1.5"}', "Content-Type: application/json\r\n"), {
    body: '{"name":"a","price":1.5}',
  }),
  ask("an upload", multipart("/upload"), { body: `{"name":"a.bin","bytes":${UPLOAD.length}}` }),
  askFor("/depends", { body: '"a connection"' }),
  askFor("/background", { body: '"ok"' }),
  {
    name: "dependencies are closed, background tasks have run",
    run: async (server) => {
      const log = await waitUntil("waiting for the log", async () => {
        const { body } = await server.exchange(get("/log"));
        return body.includes("background") ? body : undefined;
      });
      return { log };
    },
    expected: { log: '["open","close","background"]' },
  },
  askFor("/missing", { statusLine: "HTTP/1.1 404 Not Found", body: '{"detail":"no such thing"}' }),
  askFor("/openapi.json", { statusLine: "HTTP/1.1 200 OK" }),
]);

compareServers("a Django site on asgi", { args: ["django_site:asgi_application", "-k", "asgi"] }, djangoCases);

compareServers("a Falcon site on asgi", { args: ["falcon_site:asgi_application", "-k", "asgi"] }, siteCases("falcon_site.py"));

/** A background task's work, seen by a later request. */
const backgroundCase = (done: string): Case => ({
  name: "a background task",
  run: async (server) => {
    await server.exchange(get("/background"));
    const seen = await waitUntil("waiting for the task", async () => {
      const { body } = await server.exchange(get("/done"));
      return body.includes("background") ? body.trim() : undefined;
    });
    return { seen };
  },
  expected: { seen: done },
});

compareServers("a Quart site", { args: ["quart_site:app", "-k", "asgi"] }, [
  ...siteCases("quart_site.py"),
  backgroundCase('[["serving","background"],"/done"]'),
]);

compareServers("a Litestar site", { args: ["litestar_site:app", "-k", "asgi"] }, [
  ...siteCases("litestar_site.py"),
  backgroundCase('["background"]'),
]);

/** What is in the note while the view works (undefined: it streams), and once its client has left. */
const LEAVING: readonly { path: string; before: string | undefined; after: string; kinds: readonly ServerKind[] }[] = [
  // Gunicorn ignores what is sent to a client that has left: the stream goes on for ever.
  { path: "/endless", before: undefined, after: "closed", kinds: ["tunicorn"] },
  { path: "/listening", before: "working", after: "work cancelled", kinds: KINDS },
];

for (const kind of KINDS) {
  test(`${kind}: Starlette hears that a client has left: inside its upload, a stream, a task group`, async (t) => {
    const server = await Server.start(t, kind, { args: ["starlette_site:app", "-k", "asgi"] });
    const note = join(temporaryFolder(t), "note");
    const client = await server.connect();
    client.send(`POST /departed?note=${note} HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf`);
    await waitUntil("waiting for the view", () => existsSync(note) && readFileSync(note, "utf8") === "reading");
    client.close();
    await waitUntil("waiting for the departure", () => readFileSync(note, "utf8") === "ClientDisconnect");
    assert.equal((await server.exchange(get("/"))).body, "hello world");

    // A body that stops in the middle: a cancelled receive() has lost none of it.
    const late = await server.connect();
    late.send("POST /impatient HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    assert.equal((await late.readResponse()).statusLine, "HTTP/1.1 100 Continue");
    await server.exchange(get("/slow"));
    late.send("body");
    assert.equal((await late.readResponse()).body, '[true,"body"]');

    for (const { path, before, after } of LEAVING.filter(({ kinds }) => kinds.includes(kind))) {
      const marker = join(temporaryFolder(t), "marker");
      const leaving = await server.connect();
      leaving.send(get(`${path}?note=${marker}`));
      if (before === undefined) await leaving.waitFor("tick");
      else await waitUntil(`waiting for ${path}`, () => existsSync(marker) && readFileSync(marker, "utf8") === before);
      leaving.reset();
      await waitUntil(`waiting for the end of ${path}`, () => existsSync(marker) && readFileSync(marker, "utf8") === after);
    }
  });
}
