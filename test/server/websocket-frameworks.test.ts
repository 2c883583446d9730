/** WebSockets as they are used: the routes of Starlette and FastAPI, and the package websockets as a client. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { compareServers, type Observation } from "./differential.ts";
import { PYTHON, Server } from "./harness.ts";
import { exchange, get } from "./http-client.ts";
import { documentedSite, Nginx, replaced, targetOf } from "./nginx.ts";
import { CLOSE, closePayload, frame, handshake, TEXT, WebsocketClient } from "./websocket-client.ts";

const CLIENT = join(fileURLToPath(new URL(".", import.meta.url)), "websockets_client.py");
const run = promisify(execFile);

test("behind the documented nginx: both ways, an ordinary request beside it, and the scheme", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["websocket_cases:application", "-k", "asgi"] });
  const site = documentedSite("proxy_pass", targetOf(server), "docs/websocket.md");
  const nginx = await Nginx.start(t, replaced(site, "$scheme", "https"));
  const client = await WebsocketClient.accepted(nginx.port, "/echo");
  client.send(frame(TEXT, "through nginx"));
  assert.equal(await client.message(), "through nginx");
  client.send(frame(CLOSE, closePayload(4001, "bye")));
  assert.deepEqual(await client.rest(), ["close 4001 bye", "end"]);
  const scope = await WebsocketClient.accepted(nginx.port, "/scope");
  assert.match(await scope.message(), /'scheme', 'wss'/);
  scope.close();
  assert.match((await WebsocketClient.open(nginx.port, handshake("/deny"))).head, /^HTTP\/1\.1 403 /);
  assert.equal((await exchange(nginx.port, get("/"))).body, "an ordinary request");
});

test("the package websockets, with and without compression", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["websocket_cases:application", "-k", "asgi"] });
  for (const [compression, agreed] of [
    ["none", "[]"],
    ["deflate", "['permessage-deflate']"],
  ] as const) {
    const { stdout } = await run(PYTHON, [CLIENT, String(server.address), compression]);
    assert.equal(stdout, `${agreed} 4000 done\n`);
  }
});

async function talk(server: Server, target: string, more: string, work: (client: WebsocketClient) => Promise<Observation>) {
  const client = await WebsocketClient.accepted(server.address, target, more);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

const statusOf = async (server: Server, target: string) =>
  (await WebsocketClient.open(server.address, handshake(target))).head.split("\r\n")[0];

compareServers("Starlette's WebSocketRoute", { args: ["starlette_site:app", "-k", "asgi"] }, [
  {
    name: "text, JSON, the lifespan's state, and the client's close",
    run: (server) =>
      talk(server, "/socket", "Sec-WebSocket-Protocol: chat, other\r\n", async (client) => {
        client.send(frame(TEXT, '{"n": 1}'));
        const answer = await client.message();
        client.send(frame(CLOSE, closePayload(1000)));
        return { answer, chosen: /^Sec-WebSocket-Protocol: (.*)\r$/m.exec(client.head)?.[1], rest: await client.rest() };
      }),
    expected: { answer: '{"n":2,"greeting":"hello from the lifespan"}', chosen: "other", rest: ["close 1000", "end"] },
  },
  {
    name: "a route that refuses",
    run: async (server) => ({ statusLine: await statusOf(server, "/socket?refuse=1") }),
    expected: { statusLine: "HTTP/1.1 403 Forbidden" },
  },
  {
    name: "no such route",
    run: async (server) => ({ statusLine: await statusOf(server, "/nothing-here") }),
    expected: { statusLine: "HTTP/1.1 403 Forbidden" },
  },
  {
    name: "a denial response: Gunicorn offers none",
    run: async (server) => ({ statusLine: await statusOf(server, "/socket?deny=1") }),
    expected: {},
    tunicorn: { statusLine: "HTTP/1.1 418 Unknown" },
  },
]);

compareServers("FastAPI's WebSockets", { args: ["fastapi_site:app", "-k", "asgi"] }, [
  {
    name: "a dependency, a path parameter, an exception that closes",
    run: (server) =>
      talk(server, "/rooms/7", "", async (client) => {
        client.send(frame(TEXT, "hi"));
        const answer = await client.message();
        client.send(frame(TEXT, "leave"));
        return { answer, closed: (await client.next())?.payload.toString("latin1") };
      }),
    expected: { answer: "room 7 over a connection: hi", closed: closePayload(4007, "left").toString("latin1") },
  },
  {
    name: "a parameter that is not valid",
    run: async (server) => ({ statusLine: await statusOf(server, "/rooms/x") }),
    expected: { statusLine: "HTTP/1.1 403 Forbidden" },
  },
]);
