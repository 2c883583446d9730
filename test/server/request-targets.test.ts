/** What applications see of request targets (protocols §1.3), of trailers, and of clients on unix sockets. */

import { join } from "node:path";
import { after } from "node:test";
import { type Case, compareServers, type Observation, talk } from "./differential.ts";
import { type ServerKind, temporaryFolder } from "./harness.ts";

/** Keys of the environ that a target decides. */
const KEYS = ["PATH_INFO", "QUERY_STRING", "RAW_URI", "SCRIPT_NAME"];

function target(text: string, pathInfo: string, query = "", method = "GET"): Case {
  return request(`${method} ${text}`, `${method} ${text} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`, {
    PATH_INFO: pathInfo,
    QUERY_STRING: query,
    RAW_URI: text,
  });
}

/** The environ that one request has, as far as its target and its fields decide it. */
function request(name: string, bytes: string, expected: Observation): Case {
  return talk(
    name,
    async (client) => {
      client.send(bytes);
      const { status, body } = await client.readResponse();
      if (status !== 200) return { status };
      const environ = JSON.parse(body) as Record<string, [type: string, value: unknown]>;
      const shown = [...KEYS, "REMOTE_ADDR", "wsgi.url_scheme"].map((key) => [key, environ[key]?.[1]]);
      return { status, ...Object.fromEntries(shown), fields: Object.keys(environ).filter((key) => key.startsWith("HTTP_")) };
    },
    { status: 200, ...expected },
  );
}

compareServers("targets", { args: ["cases"] }, [
  target("/a%20b%c3%a9?x=1#f", "/a b\u00c3\u00a9", "x=1"),
  target("/a?b?c#d?e", "/a", "b?c"),
  target("/a#f?q", "/a"),
  target("//a//b/../c;p", "//a//b/../c;p"),
  target("/%zz%2f%00%e9%", "/%zz/\0\u00e9%"),
  target("/[", "/["),
  target("http://u:p@h:8080/foo%41?q", "/fooA", "q"),
  target("http://h", ""),
  target("http://h?q", "", "q"),
  target("HTTP://[::1]:80/p", "/p"),
  target("*", "*", "", "OPTIONS"),
  target("h:443", "443", "", "CONNECT"),
  target("1.2.3.4:443", "1.2.3.4:443", "", "CONNECT"),
  ...["http://[::1/", "http://[1.2.3.4]/", "http://a]b/", "http://[v.x]/"].map((text) =>
    request(`GET ${text}`, `GET ${text} HTTP/1.1\r\nHost: h\r\n\r\n`, { status: 400 }),
  ),
]);

compareServers("trailers", { args: ["cases"] }, [
  request(
    "trailers are in no environ",
    "POST /environ HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: 1\r\nSCRIPT_NAME: /environ\r\n\r\n",
    { SCRIPT_NAME: "", fields: ["HTTP_CONNECTION", "HTTP_HOST", "HTTP_TRANSFER_ENCODING"] },
  ),
]);

const folder = temporaryFolder({ after });
const onUnixSocket = (kind: ServerKind) => ({
  args: ["cases", "--forwarded-allow-ips", "192.0.2.1"],
  bind: `unix:${join(folder, kind)}`,
});

compareServers("clients on a unix socket", onUnixSocket, [
  request(
    "they are trusted",
    "GET /environ HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Forwarded-Proto: https\r\nSCRIPT_NAME: /environ\r\n\r\n",
    {
      REMOTE_ADDR: "",
      SCRIPT_NAME: "/environ",
      PATH_INFO: "",
      "wsgi.url_scheme": "https",
    },
  ),
  talk(
    "a refusal names no address",
    async (client, server) => {
      client.send("GET /\r\n\r\n");
      const { status } = await client.readResponse();
      const [line] = await server.waitForLine(/Invalid request from .*$/);
      return { status, line };
    },
    { status: 400, line: "Invalid request from ip=: Invalid HTTP request line: 'GET /'" },
  ),
]);
