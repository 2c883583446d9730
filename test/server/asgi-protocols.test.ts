/** asgi workers behind what is in front of every class: PROXY headers, uWSGI packets, the limits of slow clients. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { packetText } from "../protocol/uwsgi/packets.ts";
import { KINDS, type Scope, Server, type ServerKind, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";

const start = (t: Scope, kind: ServerKind, args: readonly string[]) =>
  Server.start(t, kind, { args: ["asgi_cases:application", "-k", "asgi", ...args] });

for (const kind of KINDS) {
  test(`${kind}: the client of the scope is the PROXY header's`, async (t) => {
    const server = await start(t, kind, ["--proxy-protocol=auto"]);
    const { body } = await server.exchange(`PROXY TCP4 192.0.2.1 198.51.100.2 40001 443\r\n${get("/scope")}`);
    assert.match(body, /\('client', '192\.0\.2\.1'\)/);
  });
}

test("a uWSGI packet becomes a scope", async (t) => {
  const server = await start(t, "tunicorn", ["--protocol", "uwsgi"]);
  const packet = packetText({
    REQUEST_METHOD: "POST",
    PATH_INFO: "/upload",
    QUERY_STRING: "",
    SERVER_PROTOCOL: "HTTP/1.1",
    CONTENT_LENGTH: "4",
    REMOTE_ADDR: "192.0.2.7",
  });
  const { status, body } = await server.exchange(`${packet}body`);
  assert.deepEqual([status, body], [200, '[4, true, "complete"]']);
});

test("a client is not slow while the application does not read its body", async (t) => {
  const server = await start(t, "tunicorn", ["--body-timeout", "1", "-w", "1"]);
  const gate = join(temporaryFolder(t), "gate");
  const unread = await server.connect();
  const waiting = await server.connect();
  t.after(() => {
    unread.close();
    waiting.close();
  });
  const post = (path: string, more = "") => `POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n${more}\r\n`;
  unread.send(post(`/stay?gate=${gate}`) + "x".repeat(500_000));
  waiting.send(post(`/stay?gate=${gate}`, "Expect: 100-continue\r\n"));
  // These begin later and are slow: when their time is over, so would be that of the others.
  for (let n = 0; n < 2; n++) assert.equal((await server.exchange(post("/upload"))).status, 408);
  writeFileSync(gate, "");
  for (const client of [unread, waiting]) assert.equal((await client.readResponse()).body, "released");
});
