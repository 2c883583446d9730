/** `reload`: code that is saved is served, with every class of workers, and a broken file shows its traceback until it is mended. */

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "./deadline.ts";
import { KINDS, Server, temporaryFolder } from "./harness.ts";
import { get, type Response } from "./http-client.ts";

const SAVE_AGAIN_MS = 2000;

const wsgi = (word: string) =>
  `def application(environ, start_response):\n    start_response("200 OK", [("Content-Length", "${word.length}")])\n    return [b"${word}"]\n`;
const asgi = (word: string) =>
  `async def application(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("only http")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"${word}"})
`;
/** A module of its own, imported at the first request only. */
const LATE = `import os\ndef application(environ, start_response):
    import late
    start_response("200 OK", [])
    return [late.WORD]
`;

async function untilAnswered(server: Server, status: number, pattern: RegExp): Promise<void> {
  await waitUntil(`waiting for ${status} ${pattern}`, async () => {
    const response = await server.exchange(get("/"));
    return response.status === status && pattern.test(response.body) ? true : undefined;
  });
}

/** Saves a file again and again, slowly, until the reloader names it: it may not be known yet, or be taken together with another one. */
async function saveUntilSeen(server: Server, path: string, text: string): Promise<void> {
  let savedMs = Number.NEGATIVE_INFINITY;
  await waitUntil(`waiting for ${path} to be seen`, () => {
    if (server.countLines(new RegExp(`Worker reloading: ${path} modified`)) > 0) return true;
    if (performance.now() - savedMs > SAVE_AGAIN_MS) {
      savedMs = performance.now();
      writeFileSync(path, text);
    }
    return undefined;
  });
}

/** The same until it is served: Gunicorn begins to watch when a worker has booted, and takes what the file is then for the start. */
async function saveUntilServed(server: Server, path: string, text: string, isIt: (response: Response) => boolean): Promise<void> {
  let savedMs = Number.NEGATIVE_INFINITY;
  await waitUntil(`waiting for ${JSON.stringify(text)} to be served`, async () => {
    if (performance.now() - savedMs > SAVE_AGAIN_MS) {
      savedMs = performance.now();
      writeFileSync(path, text);
    }
    // Gunicorn's only worker leaves before there is another.
    const response = await server.exchange(get("/")).catch(() => undefined);
    return response !== undefined && isIt(response) ? true : undefined;
  });
}

for (const kind of KINDS) {
  test(`${kind}: a file that is saved is served; a syntax error shows its traceback, until it is mended`, async (t) => {
    const cwd = temporaryFolder(t);
    const source = join(cwd, "site_of_test.py");
    writeFileSync(source, wsgi("one"));
    const server = await Server.start(t, kind, { args: ["--reload", "site_of_test"], cwd });
    await server.waitForLine(/\[WARNING\] Reloader is on\. Use in development only!/);
    await untilAnswered(server, 200, /^one$/);
    await saveUntilServed(server, source, wsgi("second"), ({ body }) => body === "second");
    await server.waitForLine(/\[INFO\] Worker reloading: \S*site_of_test\.py modified/);
    const traceback = /File ".*site_of_test\.py", line 1\n[\s\S]*SyntaxError/;
    await saveUntilServed(server, source, "def (:\n", ({ status, body }) => status === 500 && traceback.test(body));
    await saveUntilServed(server, source, wsgi("mended"), ({ body }) => body === "mended");
  });
}

for (const [name, flags, application] of [
  ["sync, two workers", ["-w", "2"], wsgi],
  ["sync, preloaded", ["--preload"], wsgi],
  ["gthread", ["--threads", "2"], wsgi],
  ["asgi", ["-k", "asgi"], asgi],
  ["polling", ["--reload-engine", "poll"], wsgi],
] as const) {
  test(`${name}: every answer is whole, of the old code or the new`, async (t) => {
    const cwd = temporaryFolder(t);
    const source = join(cwd, "site_of_test.py");
    writeFileSync(source, application("first"));
    const server = await Server.start(t, "tunicorn", { args: ["--reload", ...flags, "site_of_test"], cwd });
    await untilAnswered(server, 200, /^first$/);
    const workers = server.workers();
    writeFileSync(source, application("second"));
    await waitUntil("waiting for new code alone", async () => {
      const { status, body } = await server.exchange(get("/"));
      assert.equal(status, 200, body);
      assert.match(body, /^(?:first|second)$/);
      return body === "second" && !server.workers().some((pid) => workers.includes(pid));
    });
    assert.equal(server.countLines(/\[(ERROR|CRITICAL)\]/), 0, server.output());
  });
}

test("an application that breaks in another way, a module that comes late, files and patterns that are named", async (t) => {
  const cwd = temporaryFolder(t);
  mkdirSync(join(cwd, "templates"));
  const files = ["site_of_test.py", "late.py", "templates/page.html", "named.toml"].map((name) => join(cwd, name));
  const [source = "", late = "", template = "", named = ""] = files;
  writeFileSync(source, LATE);
  writeFileSync(late, 'WORD = b"early"\n');
  for (const path of [template, named]) writeFileSync(path, "");
  const extra = ["--reload-extra-file", "templates/*.html", "--reload-extra-file", named];
  const server = await Server.start(t, "tunicorn", { args: ["--reload", ...extra, "site_of_test"], cwd });
  await untilAnswered(server, 200, /^early$/);
  await saveUntilSeen(server, late, 'WORD = b"later"\n');
  await untilAnswered(server, 200, /^later$/);
  for (const [path, text] of [
    [template, "<p>"],
    [named, "a = 1"],
  ] as const) {
    await saveUntilSeen(server, path, text);
  }
  writeFileSync(source, "import nosuchmodule\n");
  await untilAnswered(server, 500, /No module named 'nosuchmodule'/);
  writeFileSync(source, LATE);
  await untilAnswered(server, 200, /^later$/);
});

test("a first start with a broken file shows its traceback too, to asgi clients as well", async (t) => {
  const cwd = temporaryFolder(t);
  const source = join(cwd, "site_of_test.py");
  writeFileSync(source, "def (:\n");
  const server = await Server.start(t, "tunicorn", { args: ["--reload", "-k", "asgi", "site_of_test"], cwd });
  await untilAnswered(server, 500, /SyntaxError/);
  writeFileSync(source, asgi("mended"));
  await untilAnswered(server, 200, /^mended$/);
});

test("a direct worker is replaced, not ended", async (t) => {
  const cwd = temporaryFolder(t);
  const source = join(cwd, "site_of_test.py");
  const code = (word: string) =>
    `import tornado.web\nclass Home(tornado.web.RequestHandler):\n    def get(self):\n        self.write("${word}")\napp = tornado.web.Application([("/", Home)])\n`;
  writeFileSync(source, code("first"));
  const server = await Server.start(t, "tunicorn", { args: ["--reload", "-k", "tornado", "site_of_test:app"], cwd });
  await untilAnswered(server, 200, /^first$/);
  await saveUntilServed(server, source, code("second"), ({ body }) => body === "second");
});
