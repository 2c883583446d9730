import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ask, askFor, type Case, compareServers, facts } from "./differential.ts";
import { APPS } from "./harness.ts";
import { field, get, post } from "./http-client.ts";

const UPLOAD = "0123456789abcdef".repeat(40_000);
const BOUNDARY = "----boundary";
const MULTIPART = [
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n`,
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\nContent-Type: application/octet-stream\r\n\r\n`,
  `${UPLOAD}\r\n--${BOUNDARY}--\r\n`,
].join("");
const UPLOADED = { bytes: UPLOAD.length, name: "a.bin", sha256: createHash("sha256").update(UPLOAD).digest("hex") };

const form = (target: string, body: string) => post(target, body, "Content-Type: application/x-www-form-urlencoded\r\n");

/** Cases that both frameworks' sites answer alike. */
function siteCases(file: string): Case[] {
  return [
    askFor("/", { body: "hello world" }),
    askFor("/?name=%C3%A9t%C3%A9", { body: "hello \u00c3\u00a9t\u00c3\u00a9" }),
    {
      name: "a form",
      run: async (server) => ({ pairs: JSON.parse((await server.exchange(form("/form", "b=2&a=1+1&a=%26"))).body) }),
      expected: {
        pairs: [
          ["a", "&"],
          ["a", "1 1"],
          ["b", "2"],
        ],
      },
    },
    {
      name: "an upload",
      run: async (server) =>
        JSON.parse((await server.exchange(post("/upload", MULTIPART, `Content-Type: multipart/form-data; boundary=${BOUNDARY}\r\n`))).body),
      expected: UPLOADED,
    },
    {
      name: "a session",
      run: async (server) => {
        const first = await server.exchange(get("/visit"));
        const cookie = field(first, "Set-Cookie")?.split(";")[0];
        const second = await server.exchange(get("/visit", `Cookie: ${cookie}\r\n`));
        return { bodies: [first.body, second.body] };
      },
      expected: { bodies: ["1", "2"] },
    },
    askFor("/stream", { body: "part 0\npart 1\npart 2\npart 3\npart 4\n", framing: "chunked", complete: true }),
    {
      name: "a static file",
      run: async (server) => {
        const { body, complete, framing } = facts(await server.exchange(get("/file")));
        return { body, complete, framing };
      },
      expected: { body: readFileSync(join(APPS, file), "latin1"), complete: true, framing: "length" },
    },
    ask("HEAD of the file", "HEAD /file HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", { body: "" }, {}),
    askFor("/nowhere", {}),
    askFor("/fails", {}),
  ];
}

compareServers("a Flask site", { args: ["flask_site:app", "-w", "2"] }, [
  ...siteCases("flask_site.py"),
  ask("JSON", post("/json", '{"a": [1, 2.5, null]}', "Content-Type: application/json\r\n"), { body: '{"a":[1,2.5,null]}\n' }),
  askFor("/away", { statusLine: "HTTP/1.1 302 FOUND" }),
  ask("a part of the file", get("/file", "Range: bytes=3-9\r\n"), { statusLine: "HTTP/1.1 206 PARTIAL CONTENT" }),
]);

compareServers("a Flask site in threads", { args: ["flask_site:app", "--threads", "4"] }, siteCases("flask_site.py"));

compareServers("a Django site in threads", { args: ["django_site", "--threads", "4"] }, [
  ...siteCases("django_site.py"),
  {
    name: "a database connection of its own for each thread",
    run: async (server) => {
      const answers = await Promise.all(Array.from({ length: 4 }, async () => JSON.parse((await server.exchange(get("/database"))).body)));
      return {
        values: answers.map(({ value }) => value),
        threads: new Set(answers.map(({ thread }) => thread)).size,
        connections: new Set(answers.map(({ connection }) => connection)).size,
      };
    },
    expected: { values: [1, 1, 1, 1], threads: 4, connections: 4 },
  },
]);

compareServers("a Django site", { args: ["django_site", "-w", "2"] }, siteCases("django_site.py"));
