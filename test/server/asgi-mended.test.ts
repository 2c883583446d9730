/** Where Gunicorn's asgi worker leaves HTTP or the ASGI specification: what Tunicorn does instead (docs/differences.md). */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { APPS, Server } from "./harness.ts";
import { type Client, get, type Response } from "./http-client.ts";

interface Mended {
  readonly name: string;
  readonly request: string;
  readonly seen: (response: Response) => unknown;
  readonly expected: unknown;
  /** The connection ends behind the response, though the client did not ask for it. */
  readonly closes?: boolean;
}

const keptAlive = (target: string, version = "1.1") => `GET ${target} HTTP/${version}\r\nHost: h\r\nConnection: keep-alive\r\n\r\n`;
/** One entry of the scope as asgi_cases.py shows it. */
const scopeEntry = (name: string) => (response: Response) => new RegExp(`\\('${name}', ([^)]*)\\)`).exec(response.body)?.[1];
const body = (response: Response) => response.body;
const SOURCE = join(APPS, "asgi_cases.py");

const CASES: readonly Mended[] = [
  { name: "the path of an absolute target", request: get("http://h/scope/p?q"), seen: scopeEntry("path"), expected: "'/scope/p'" },
  {
    name: "the raw path of an absolute target",
    request: get("http://h/scope/%41?q"),
    seen: scopeEntry("raw_path"),
    expected: "b'/scope/%41'",
  },
  { name: "a fragment", request: get("/scope?q#f"), seen: scopeEntry("query_string"), expected: "b'q'" },
  {
    name: "HTTP/1.0 that would be kept alive, and a response without length",
    request: keptAlive("/stream", "1.0"),
    seen: ({ body, framing }) => [body.length, framing],
    expected: [35, "close"],
    closes: true,
  },
  { name: "no response at all", request: keptAlive("/misuse?nothing"), seen: ({ status }) => status, expected: 500, closes: true },
  { name: "Connection: close of the application", request: keptAlive("/close"), seen: body, expected: "closing", closes: true },
  { name: "a body shorter than its length", request: keptAlive("/misuse?too-short"), seen: ({ complete }) => complete, expected: false },
  { name: "the start message alone", request: get("/misuse?start-only"), seen: ({ status }) => status, expected: 500 },
  { name: "pathsend", request: get(`/pathsend?path=${SOURCE}`), seen: body, expected: readFileSync(SOURCE, "latin1") },
  {
    name: "pathsend to HTTP/1.0",
    request: `GET /pathsend?path=${SOURCE} HTTP/1.0\r\n\r\n`,
    seen: body,
    expected: readFileSync(SOURCE, "latin1"),
  },
  { name: "pathsend of a folder", request: get(`/pathsend?path=${APPS}`), seen: ({ status }) => status, expected: 500 },
  { name: "trailers to HTTP/1.0", request: "GET /trailers HTTP/1.0\r\nTE: trailers\r\n\r\n", seen: body, expected: "body" },
];

async function ends(client: Client): Promise<boolean> {
  await client.readToEnd();
  return true;
}

test("Gunicorn's defects in ASGI are mended", async (t) => {
  const server = await Server.start(t, "tunicorn", { args: ["asgi_cases:application", "-k", "asgi"] });
  for (const { name, request, seen, expected, closes } of CASES) {
    await t.test(name, async () => {
      const client = await server.connect();
      client.send(request);
      assert.deepEqual(seen(await client.readResponse()), expected);
      if (closes) assert.ok(await ends(client));
      client.close();
    });
  }
});
