import assert from "node:assert/strict";
import { test } from "node:test";
import { compareServers, facts, type Observation, talk } from "./differential.ts";
import { KINDS, Server } from "./harness.ts";
import { type Client, get } from "./http-client.ts";

/** A request that leaves the connection open. */
function keep(target: string, method = "GET", body = ""): string {
  return `${method} ${target} HTTP/1.1\r\nHost: h\r\n${body === "" ? "" : `Content-Length: ${body.length}\r\n`}\r\n${body}`;
}

/** Reads the responses to requests of these methods, then, if the server is expected to close, what else comes. */
async function readAll(client: Client, methods: readonly string[], closes: boolean): Promise<Observation> {
  const responses: Observation[] = [];
  for (const method of methods) responses.push(facts(await client.readResponse(method)));
  return { bodies: responses.map(({ body }) => body), responses, rest: closes ? await client.readToEnd() : undefined };
}

// Gunicorn's sync worker never keeps a connection, so its gthread worker is what Tunicorn is compared with here.
const options = (kind: string) => ({ args: kind === "gunicorn" ? ["cases", "-k", "gthread", "--threads", "2"] : ["cases"] });

compareServers("connections that stay", options, [
  talk(
    "one request after the other",
    async (client) => {
      client.send(keep("/"));
      const first = facts(await client.readResponse());
      client.send(keep("/echo", "POST", "two"));
      const second = facts(await client.readResponse());
      client.send(get("/no-length"));
      return { first, second, ...(await readAll(client, ["GET"], true)) };
    },
    { bodies: ["onetwo"], rest: "" },
  ),
  talk(
    "three requests in one packet",
    async (client) => {
      client.send(keep("/") + keep("/echo", "POST", "second") + get("/generator"));
      return await readAll(client, ["GET", "POST", "GET"], true);
    },
    { bodies: ["hello\n", "second", "firstsecond"], rest: "" },
  ),
  talk(
    "fifty requests in one packet",
    async (client) => {
      const numbers = Array.from({ length: 50 }, (_, n) => String(n));
      client.send(numbers.map((number) => keep("/echo", "POST", number)).join("") + get("/"));
      return await readAll(client, [...numbers.map(() => "POST"), "GET"], true);
    },
    { bodies: [...Array.from({ length: 50 }, (_, n) => String(n)), "hello\n"] },
  ),
  talk(
    "three requests byte by byte",
    async (client) => {
      await client.trickle(keep("/") + keep("/echo", "POST", "slow") + get("/"), 1);
      return await readAll(client, ["GET", "POST", "GET"], true);
    },
    { bodies: ["hello\n", "slow", "hello\n"] },
  ),
  talk(
    "responses without body",
    async (client) => {
      client.send(
        `${keep("/", "HEAD")}${keep("/status?status=204%20No%20Content")}${keep("/status?status=304%20Not%20Modified")}${get("/")}`,
      );
      return await readAll(client, ["HEAD", "GET", "GET", "GET"], true);
    },
    { bodies: ["", "", "", "hello\n"] },
  ),
  talk(
    "a body nobody read does not become a request",
    async (client) => {
      client.send(keep("/", "POST", "GET /pid HTTP/1.1\r\n\r\n") + get("/"));
      return await readAll(client, ["POST", "GET"], true);
    },
    { bodies: ["hello\n", "hello\n"], rest: "" },
  ),
  talk(
    "a chunked body nobody read",
    async (client) => {
      client.send(`POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n${get("/")}`);
      return await readAll(client, ["POST", "GET"], true);
    },
    { bodies: ["hello\n", "hello\n"], rest: "" },
  ),
  talk(
    "what follows Connection: close is not read",
    async (client) => {
      client.send(get("/") + get("/pid"));
      return await readAll(client, ["GET"], true);
    },
    { bodies: ["hello\n"], rest: "" },
  ),
  talk(
    "a bad request after a good one",
    async (client) => {
      client.send(`${keep("/")}GET /\r\n\r\n${get("/")}`);
      return await readAll(client, ["GET", "GET"], true);
    },
    { rest: "" },
  ),
  talk(
    "HTTP/1.0 closes",
    async (client) => {
      client.send("GET / HTTP/1.0\r\n\r\n");
      return await readAll(client, ["GET"], true);
    },
    { bodies: ["hello\n"], rest: "" },
  ),
  talk(
    "HTTP/1.0 that would keep alive",
    async (client) => {
      client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
      const first = facts(await client.readResponse());
      client.send("GET / HTTP/1.0\r\n\r\n");
      return { first, ...(await readAll(client, ["GET"], true)) };
    },
    { bodies: ["hello\n"], rest: "" },
  ),
  talk(
    "a half-close after the request",
    async (client) => {
      client.send(keep("/echo", "POST", "half"));
      client.halfClose();
      return await readAll(client, ["POST"], true);
    },
    { bodies: ["half"], rest: "" },
  ),
  talk(
    "a half-close after two requests",
    async (client) => {
      client.send(keep("/") + keep("/echo", "POST", "two"));
      client.halfClose();
      return await readAll(client, ["GET", "POST"], true);
    },
    { bodies: ["hello\n", "two"], rest: "" },
  ),
  talk(
    "an application that fails closes the connection",
    async (client) => {
      client.send(keep("/raises"));
      return await readAll(client, ["GET"], true);
    },
    { rest: "" },
  ),
]);

for (const kind of KINDS) {
  test(`${kind}: clients that leave at any point do not disturb others`, async (t) => {
    const server = await Server.start(t, kind, { args: ["cases"] });
    const texts = [
      "",
      "GET",
      "GET / HTTP/1.1\r\nHost",
      keep("/big?bytes=10000000"),
      "POST /echo HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
      "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ];
    for (const text of texts) {
      for (const leave of ["close", "reset"] as const) {
        const client = await server.connect();
        client.send(text);
        client[leave]();
        assert.equal((await server.exchange(get("/"))).body, "hello\n");
      }
    }
  });
}

test("tunicorn: a body shorter than its Content-Length closes the connection", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["cases"] });
  const client = await server.connect();
  t.after(() => client.close());
  client.send(keep("/too-short"));
  const response = await client.readResponse();
  assert.deepEqual([response.body, response.complete], ["short", false]);
});
