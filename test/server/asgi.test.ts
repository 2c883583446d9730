import { ask, askFor, type Case, compareServers, facts, talk } from "./differential.ts";
import { field, get, post } from "./http-client.ts";

const NO_RESPONSE = { statusLine: "HTTP/1.1 500 Internal Server Error", body: "Internal Server Error" };
const misuse = (what: string, expected: Record<string, unknown>, tunicorn: Record<string, unknown> = {}): Case =>
  askFor(`/misuse?${what}`, expected, tunicorn);

/** A response that Gunicorn breaks off without a byte: seen as an error. */
const broken = (name: string, request: string, tunicorn: Record<string, unknown>): Case => ({
  name,
  run: async (server) => {
    try {
      const response = await server.exchange(request);
      return { status: response.status, body: response.body, complete: response.complete };
    } catch {
      return { status: 0 };
    }
  },
  expected: {},
  tunicorn,
});

const chunks = (...pieces: string[]) => pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join("");

compareServers("ASGI over HTTP/1", { args: ["asgi_cases:application", "-k", "asgi", "-w", "2", "--root-path", "/mounted"] }, [
  askFor("/scope?x=1&y=%20", { statusLine: "HTTP/1.1 200 OK", complete: true }),
  askFor("/scope/a%20b/%C3%A9%2Fx", {}),
  ask("repeated, odd headers", get("/scope", "X-A: 1\r\nX-A: 2\r\nX_B: 3\r\nCookie: a=b\r\nX-Latin: \xe9\r\n"), {}),
  ask("POST without a body", "POST /scope HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", {}),
  ask("HTTP/1.0", "GET /scope HTTP/1.0\r\n\r\n", {}),
  ask("HTTP/1.0, streamed", "GET /stream HTTP/1.0\r\n\r\n", { body: "part 0\npart 1\npart 2\npart 3\npart 4\n", framing: "close" }),
  ask("an upload", post("/upload", "u".repeat(200_000)), { body: '[200000, true, "complete"]' }),
  ask("a small body", post("/upload", "small"), { body: '[5, true, "complete"]' }),
  ask("an empty body", post("/upload", ""), { body: '[0, true, "complete"]' }),
  ask(
    "a chunked upload",
    `POST /upload HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunks("abc", "defg")}0\r\n\r\n`,
    {
      body: '[7, true, "complete"]',
    },
  ),
  askFor("/stream", { body: "part 0\npart 1\npart 2\npart 3\npart 4\n", framing: "chunked", complete: true }),
  askFor("/big", { body: "b".repeat(3_000_000), framing: "length", complete: true }),
  ask("echo of a big body", post("/echo", "e".repeat(500_000)), { body: "e".repeat(500_000), complete: true }),
  talk(
    "a conversation in one request: each piece is answered before the next is sent",
    async (client) => {
      client.send("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
      client.send(chunks("one"));
      await client.waitFor("one");
      client.send(chunks("two"));
      await client.waitFor("two");
      client.send("0\r\n\r\n");
      const { body, complete } = await client.readResponse();
      return { body, complete };
    },
    { body: "onetwo", complete: true },
  ),
  talk(
    "100 Continue comes when the application asks for the body",
    async (client) => {
      client.send("POST /upload HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
      const interim = await client.readResponse();
      client.send("abc");
      return { interim: interim.statusLine, body: (await client.readResponse()).body };
    },
    { interim: "HTTP/1.1 100 Continue", body: '[3, true, "complete"]' },
  ),
  ask("no 100 Continue when it answers without", `${get("/status?403", "Content-Length: 3\r\nExpect: 100-continue\r\n")}`, {
    statusLine: "HTTP/1.1 403 Forbidden",
  }),
  ...["200", "404", "418", "503"].map((code) => askFor(`/status?${code}`, { body: "a body" })),
  ...["204", "304"].map((code) => askFor(`/status?${code}`, { body: "" })),
  ask("HEAD", "HEAD /status HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", { body: "" }),
  talk(
    "keep-alive and pipelining",
    async (client) => {
      client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
      return { bodies: [(await client.readResponse()).body, (await client.readResponse()).body] };
    },
    { bodies: ["hello\n", "hello\n"] },
  ),
  {
    name: "Connection: close of the application is obeyed",
    run: async (server) => ({ connection: field(await server.exchange("GET /close HTTP/1.1\r\nHost: h\r\n\r\n"), "Connection") }),
    expected: { connection: "close" },
  },
  talk(
    "103 as Gunicorn's message",
    async (client) => {
      client.send(get("/hints"));
      const interim = await client.readResponse();
      return { interim: [interim.statusLine, interim.fields], body: (await client.readResponse()).body };
    },
    { interim: ["HTTP/1.1 103 Early Hints", [["link", "</a.css>"]]], body: "after hints" },
  ),
  ask("no 103 to HTTP/1.0", "GET /hints HTTP/1.0\r\n\r\n", { body: "after hints" }),
  misuse("nothing", NO_RESPONSE),
  misuse("raise-first", NO_RESPONSE),
  misuse("body-first", NO_RESPONSE),
  misuse("bad-header", NO_RESPONSE),
  misuse("bad-name", NO_RESPONSE),
  misuse("too-long", { body: "abc", complete: true }),
  misuse("too-short", { body: "abc", complete: false }),
  misuse("half", { body: "half", complete: false }),
  misuse("raise-mid", { body: "half", complete: false }),
  misuse("raise-late", { body: "complete", complete: true }),
  misuse("unknown", { body: "fine" }),
  broken("the start message alone", get("/misuse?start-only"), { status: 500 }),
  broken("an exception after the start message", get("/misuse?raise-after-start"), { status: 500 }),
  broken("two start messages", get("/misuse?start-twice"), { status: 500 }),
  talk(
    "each request has a context of its own",
    async (client) => {
      const bodies: string[] = [];
      for (const path of ["/context?a", "/context?b"]) {
        client.send(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
        bodies.push((await client.readResponse()).body);
      }
      return { bodies };
    },
    { bodies: ["none a", "none b"] },
  ),
  {
    name: "state is copied for each request, its objects are shared",
    run: async (server) => {
      const client = await server.connect();
      const seen: unknown[] = [];
      for (let n = 0; n < 3; n++) {
        client.send("GET /state HTTP/1.1\r\nHost: h\r\n\r\n");
        seen.push(JSON.parse((await client.readResponse()).body)[0]);
      }
      client.close();
      return { seen };
    },
    expected: { seen: [0, 0, 0] },
  },
  {
    name: "requests run at once in one worker",
    run: async (server) => {
      const answers = await Promise.all(Array.from({ length: 30 }, async () => facts(await server.exchange(get("/concurrent"))).body));
      return { workers: new Set(answers).size <= 2, answers: answers.length };
    },
    expected: { workers: true, answers: 30 },
  },
]);
