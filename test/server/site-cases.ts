/** Cases that the same small site answers alike in every framework: a form, an upload, a session, a stream, a file, errors. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ask, askFor, type Case, facts } from "./differential.ts";
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

/** @param file  The site's own source, which it sends as a file. */
export function siteCases(file: string): Case[] {
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
    uploadCase("/upload"),
    visitCase("/visit"),
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

export function uploadCase(path: string): Case {
  const request = post(path, MULTIPART, `Content-Type: multipart/form-data; boundary=${BOUNDARY}\r\n`);
  return { name: `an upload to ${path}`, run: async (server) => JSON.parse((await server.exchange(request)).body), expected: UPLOADED };
}

/** A session, or a cookie where a framework has none. */
export function visitCase(path: string): Case {
  return {
    name: `a session at ${path}`,
    run: async (server) => {
      const first = await server.exchange(get(path));
      const cookie = field(first, "Set-Cookie")?.split(";")[0];
      const second = await server.exchange(get(path, `Cookie: ${cookie}\r\n`));
      return { bodies: [first.body, second.body] };
    },
    expected: { bodies: ["1", "2"] },
  };
}

/** Django's site has async views too, which every class of workers runs. */
export const djangoCases: readonly Case[] = [
  ...siteCases("django_site.py"),
  uploadCase("/async/upload"),
  visitCase("/async/visit"),
  askFor("/async/stream", { body: "part 0\npart 1\npart 2\npart 3\npart 4\n", framing: "chunked", complete: true }),
  askFor("/async/database", { body: "2" }),
];
