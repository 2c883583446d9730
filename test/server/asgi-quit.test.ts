/** What becomes of an ASGI application's tasks when the server stops: INT and QUIT cancel them, TERM lets them end. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { KINDS, type Scope, Server, type ServerKind } from "./harness.ts";
import { get } from "./http-client.ts";

const NOTE = /^NOTE (.*)$/;
const notes = (server: Server): string[] => server.lines.flatMap(({ text }) => NOTE.exec(text)?.[1] ?? []);

async function holdRequest(t: Scope, kind: ServerKind, path: string): Promise<Server> {
  const server = await Server.start(t, kind, { args: ["-k", "asgi", "asgi_tasks:application", "--graceful-timeout", "60"] });
  const client = await server.connect();
  t.after(() => client.close());
  client.send(get(path));
  await server.waitForLine(new RegExp(`^NOTE request ${path}$`));
  return server;
}

for (const kind of KINDS) {
  for (const signal of ["SIGINT", "SIGQUIT"] as const) {
    test(`${kind}: ${signal} cancels requests, lifespan and background tasks, which may clean up`, async (t) => {
      const server = await holdRequest(t, kind, "/");
      server.signal(signal);
      assert.deepEqual(await server.exit(), { code: 0, signal: null });
      assert.deepEqual(notes(server).sort(), ["background cleaned up", "lifespan cleaned up", "request /", "request cancelled"]);
    });
  }

  test(`${kind}: TERM ends the lifespan, and cancels what the application left running`, async (t) => {
    const server = await Server.start(t, kind, { args: ["-k", "asgi", "asgi_tasks:application"] });
    assert.equal((await server.exchange(get("/hello"))).body, "hello");
    server.signal("SIGTERM");
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
    assert.deepEqual(notes(server), ["request /hello", "lifespan.shutdown", "background cleaned up"]);
  });
}

for (const kind of KINDS.filter((each) => each === "tunicorn")) {
  test(`${kind}: INT does not wait for an event loop that is blocked`, async (t) => {
    const server = await holdRequest(t, kind, "/block");
    server.signal("SIGINT");
    // Within the 60 s of graceful_timeout, or the harness's wait for the end fails.
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
    assert.deepEqual(notes(server), ["request /block"]);
    assert.match(server.output(), /Worker exiting \(pid: \d+\)/);
  });
}
