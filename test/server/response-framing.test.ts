/** Responses whose end or whose connection two readers could see differently: what an application may say of them (protocols §3.1). */

import { type Case, compareServers, facts, type Observation, talk } from "./differential.ts";
import { get } from "./http-client.ts";

/** The answer to one target, and what comes for a request behind it: undefined when the connection has ended. */
function answer(name: string, target: string, expected: Observation, tunicorn: Observation = {}): Case {
  return talk(
    name,
    async (client) => {
      client.send(`GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${get("/")}`);
      const { statusLine, fields, body } = facts(await client.readResponse());
      const rest = await client.readToEnd();
      return { statusLine, fields, body, next: /^HTTP\/1\.1 200 OK/.test(rest) };
    },
    expected,
    tunicorn,
  );
}

const FAILED = { statusLine: "HTTP/1.1 500 Internal Server Error", next: false };
const TEXT = ["Content-Type", "text/plain"];
const ONCE = { fields: [TEXT, ["Content-Length", "2"]] };
const PAGE_FIELDS = [
  ["Content-Type", "text/html"],
  ["Content-Length", "141"],
];
const PAGE =
  "<html>\n  <head>\n    <title>Internal Server Error</title>\n  </head>\n  <body>\n    <h1><p>Internal Server Error</p></h1>\n    \n  </body>\n</html>\n";
const gthread = (kind: string) => ({ args: kind === "gunicorn" ? ["cases", "-k", "gthread"] : ["cases"] });

compareServers("framing of responses", gthread, [
  answer("a length twice, equal", "/header?name=Content-Length&value=2", { statusLine: "HTTP/1.1 200 OK", body: "ok", next: true }, ONCE),
  answer("a length twice, different", "/header?name=Content-Length&value=1", {}, { ...FAILED, fields: PAGE_FIELDS, body: PAGE }),
  ...["%2B4", "4_0", "0_4"].map((length) =>
    answer(
      `a length of ${decodeURIComponent(length)}`,
      `/status?status=200%20OK&length=${length}&body=text`,
      {},
      { ...FAILED, fields: PAGE_FIELDS, body: PAGE },
    ),
  ),
  // Gunicorn keeps the connection: its next response is the one that a client behind a 102 waits for, or a tunnel's bytes behind a 101.
  ...["100 Continue", "101 Switching Protocols", "102 Processing"].map((status) =>
    answer(
      `a final ${status}`,
      `/status?status=${encodeURIComponent(status)}`,
      { statusLine: `HTTP/1.1 ${status}`, fields: [TEXT] },
      { next: false },
    ),
  ),
  answer("Upgrade: websocket", "/header?name=Upgrade&value=websocket", { statusLine: "HTTP/1.1 200 OK", body: "ok", next: true }, ONCE),
]);
