/** Applications that take their client's socket (`environ["gunicorn.socket"]`), under every class of workers that has it. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { KINDS, PYTHON, type Scope, Server, type ServerKind } from "./harness.ts";
import { get } from "./http-client.ts";

const CLIENT = join(fileURLToPath(new URL(".", import.meta.url)), "websocket-client.py");
const run = promisify(execFile);

interface Class {
  readonly name: string;
  readonly args: readonly string[];
  /** Flask-SocketIO's word for it; undefined: one request at a time is not enough for it. */
  readonly socketIo: string | undefined;
  readonly kinds: readonly ServerKind[];
}

const CLASSES: readonly Class[] = [
  { name: "sync", args: [], socketIo: undefined, kinds: KINDS },
  { name: "gthread", args: ["--threads", "8"], socketIo: "threading", kinds: KINDS },
  { name: "gevent", args: ["-k", "gevent"], socketIo: "gevent", kinds: KINDS },
  { name: "eventlet", args: ["-k", "eventlet"], socketIo: undefined, kinds: ["tunicorn"] },
];

async function start(t: Scope, kind: ServerKind, { args, socketIo }: Class): Promise<Server> {
  const env = { SOCKET_IO_MODE: socketIo ?? "threading" };
  const server = await Server.start(t, kind, { args: ["sockets", "--access-logfile", "-", ...args], env });
  // Imports Flask first.
  assert.equal((await server.exchange(get("/look"))).status, 200);
  return server;
}

async function speak(server: Server, what: string): Promise<void> {
  const { stdout } = await run(PYTHON, [CLIENT, what, String(server.address)]).catch((error: unknown) => {
    throw new Error(`${String(error)}; the server's lines:\n${server.output()}`, { cause: error });
  });
  assert.equal(stdout, "all went well\n");
}

async function onlyTunicorns(t: TestContext, server: Server): Promise<void> {
  await t.test("looking at the socket takes nothing over", async (scope) => {
    const client = await server.connect();
    scope.after(() => client.close());
    for (let n = 0; n < 2; n++) {
      client.send("GET /look HTTP/1.1\r\nHost: h\r\n\r\n");
      const { body } = await client.readResponse();
      assert.equal(body, "True");
    }
  });

  await t.test("a client that reads nothing holds up its application until it leaves", async () => {
    const client = await server.connect();
    client.socket.pause();
    client.send("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n");
    await server.waitForLine(/^flood: begins$/);
    client.reset();
    await server.waitForLine(/^flood: (?:BrokenPipeError|ConnectionResetError)$/);
  });

  await t.test("an application sees that its client leaves", async () => {
    const client = await server.connect();
    client.send("GET /watch HTTP/1.1\r\nHost: h\r\n\r\n");
    await server.waitForLine(/^watch: begins$/);
    client.close();
    await server.waitForLine(/^watch: b''$/);
  });

  await t.test("a worker that dies ends its clients' connections", async () => {
    const client = await server.connect();
    client.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    await client.waitFor("101 Switching");
    process.kill(server.workers()[0] ?? assert.fail("no worker"), "SIGKILL");
    await client.readToEnd();
  });
}

for (const each of CLASSES) {
  for (const kind of each.kinds) {
    test(`${kind}, ${each.name}: applications that take their client's socket`, async (t) => {
      const server = await start(t, kind, each);

      await t.test("WebSocket and Socket.IO clients of Flask applications", async () => {
        await speak(server, "websocket");
        if (each.socketIo !== undefined) {
          await speak(server, "socket.io");
          await speak(server, "socket.io upgrade");
        }
        assert.equal(server.countLines(/\[ERROR\]|Traceback/), 0, server.output());
        if (kind === "tunicorn") await server.waitForLine(/"GET \/ws HTTP\/1\.1" 101 \d{7} /);
      });

      await t.test("bytes behind the request come first, ends go both ways", async () => {
        const client = await server.connect();
        client.send("GET /raw HTTP/1.1\r\nHost: h\r\n\r\nfirst,");
        // Gunicorn's parser keeps what came in the same packet as the head.
        if (kind === "tunicorn") await client.waitFor("FIRST,");
        else await client.waitFor("101 Switching");
        client.send("second,");
        await client.waitFor("SECOND,");
        client.halfClose();
        assert.match(await client.readToEnd(), /the end$/);
      });

      if (kind === "tunicorn") await onlyTunicorns(t, server);
    });
  }
}
