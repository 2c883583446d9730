/** The settings that say what clients and proxies may send (protocols §1.4 to §1.8, §1.11), on both servers. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { type Case, compareServers, type Observation, talk } from "./differential.ts";
import { type StartOptions, temporaryFolder } from "./harness.ts";

type Environ = Readonly<Record<string, readonly [type: string, value: unknown]>>;

/** What one request becomes: a few facts of its environ, or the status and the page of its refusal. */
function becomes(name: string, lines: string, keys: readonly string[], expected: Observation, requestLine = "GET /environ HTTP/1.1"): Case {
  return talk(
    name,
    async (client) => {
      client.send(`${requestLine}\r\nHost: h\r\nConnection: close\r\n${lines}\r\n`);
      const { status, body } = await client.readResponse();
      if (status !== 200) return { status, page: body };
      const environ = JSON.parse(body) as Environ;
      const fields = Object.keys(environ).filter((key) => key.startsWith("HTTP_") && key !== "HTTP_HOST" && key !== "HTTP_CONNECTION");
      return { status, fields, ...Object.fromEntries(keys.map((key) => [key, environ[key]?.[1]])) };
    },
    { status: 200, ...expected },
  );
}

/** The scheme that fields lead to. */
function scheme(lines: string, expected: string | number): Case {
  const facts = typeof expected === "number" ? { status: expected } : { "wsgi.url_scheme": expected };
  return becomes(`scheme of ${JSON.stringify(lines)}`, lines, ["wsgi.url_scheme"], facts);
}

const HTTPS = "X-Forwarded-Proto: https\r\n";
/** Our address in other notations of the same network, and networks that it is not in. */
const TRUSTING = ["127.0.0.1", "127.0.0.0/8", "10.0.0.0/8,127.0.0.1/32", "*", "::1,127.0.0.0/31", "0.0.0.0/0"];
const DISTRUSTING = ["::1", "10.0.0.0/8", "128.0.0.0/1", "::/0", "127.0.0.2/31", "::ffff:127.0.0.1"];

for (const networks of TRUSTING) {
  compareServers(`forwarded_allow_ips ${networks}`, { args: ["cases", "--forwarded-allow-ips", networks] }, [
    scheme(HTTPS, "https"),
    becomes("a mount point of the proxy's", "SCRIPT_NAME: /environ\r\n", ["SCRIPT_NAME", "PATH_INFO"], {
      SCRIPT_NAME: "/environ",
      PATH_INFO: "",
    }),
  ]);
}

for (const networks of DISTRUSTING) {
  compareServers(`forwarded_allow_ips ${networks}`, { args: ["cases", "--forwarded-allow-ips", networks] }, [
    scheme(HTTPS, "http"),
    scheme(`${HTTPS}X-Forwarded-SSL: off\r\n`, "http"),
    becomes("a mount point of the client's", "SCRIPT_NAME: /environ\r\n", ["SCRIPT_NAME"], { SCRIPT_NAME: "", fields: [] }),
  ]);
}

compareServers("scheme fields of a trusted peer", { args: ["cases"] }, [
  scheme("X-Forwarded-Protocol: ssl\r\n", "https"),
  scheme("X-Forwarded-Ssl: on\r\n", "https"),
  scheme("X-Forwarded-Proto: HTTPS\r\n", "http"),
  scheme("X-Forwarded-Proto: https, http\r\n", "http"),
  scheme(`${HTTPS}X-Forwarded-SSL: on\r\n`, "https"),
  scheme(HTTPS + HTTPS, "https"),
  scheme(`${HTTPS}X-Forwarded-Proto: http\r\n`, 400),
  scheme(`${HTTPS}X-Forwarded-Ssl: off\r\n`, 400),
  scheme("X_Forwarded_Proto: https\r\n", "http"),
  becomes(
    "addresses are never the proxy's word",
    "X-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4;host=x\r\nX-Forwarded-Host: x\r\n",
    ["REMOTE_ADDR", "SERVER_NAME"],
    {
      REMOTE_ADDR: "127.0.0.1",
      SERVER_NAME: "127.0.0.1",
      fields: ["HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST"],
    },
  ),
]);

/** Starts with a configuration file of this text. */
function configured(text: string): StartOptions {
  const folder = temporaryFolder({ after });
  writeFileSync(join(folder, "conf.py"), text);
  return { args: ["-c", join(folder, "conf.py"), "cases"] };
}

compareServers("scheme fields of one's own", configured('secure_scheme_headers = {"X-TLS": "1", "X-SAFE": "Yes", "X-Lower": "Yes"}\n'), [
  scheme("X-Tls: 1\r\n", "https"),
  scheme("X-Tls: 0\r\n", "http"),
  scheme(HTTPS, "http"),
  scheme("X-Lower: Yes\r\n", "http"), // names are compared in upper case, so this one never matches
  scheme("X-Tls: 1\r\nX-Safe: yes\r\n", 400),
]);

const TWINS = "X_Twin: 1\r\nX-Twin: 2\r\nREMOTE_USER: root\r\nSCRIPT_NAME: /environ\r\nPATH_INFO: /x\r\n";

compareServers("header_map drop", { args: ["cases"] }, [
  becomes("names with underscores", TWINS, ["HTTP_X_TWIN", "HTTP_REMOTE_USER", "HTTP_PATH_INFO", "PATH_INFO"], {
    HTTP_X_TWIN: "2",
    HTTP_REMOTE_USER: undefined,
    HTTP_PATH_INFO: "/x",
    PATH_INFO: "",
  }),
]);
compareServers("header_map refuse", { args: ["cases", "--header-map", "refuse"] }, [
  becomes("a name with an underscore", "X_Twin: 1\r\n", [], { status: 400 }),
  becomes("a mount point of the proxy's", "SCRIPT_NAME: /environ\r\n", ["SCRIPT_NAME"], { SCRIPT_NAME: "/environ" }),
]);
compareServers("header_map dangerous", { args: ["cases", "--header-map", "dangerous", "--forwarded-allow-ips", "::1"] }, [
  becomes("names with underscores", TWINS, ["HTTP_X_TWIN", "HTTP_REMOTE_USER", "SCRIPT_NAME"], {
    HTTP_X_TWIN: "1,2",
    HTTP_REMOTE_USER: "root",
    SCRIPT_NAME: "/environ",
  }),
]);
compareServers("forwarder_headers REMOTE_USER", { args: ["cases", "--forwarder-headers", "REMOTE_USER"] }, [
  becomes("names with underscores", TWINS, ["HTTP_REMOTE_USER", "SCRIPT_NAME"], { HTTP_REMOTE_USER: "root", SCRIPT_NAME: "" }),
]);
compareServers("forwarder_headers *", { args: ["cases", "--forwarder-headers", "*", "--header-map", "refuse"] }, [
  becomes("names with underscores", TWINS, ["HTTP_X_TWIN", "HTTP_REMOTE_USER"], { HTTP_X_TWIN: "1,2", HTTP_REMOTE_USER: "root" }),
]);

compareServers(
  "compatibility switches",
  { args: ["cases", "--permit-unconventional-http-version", "--strip-header-spaces", "--permit-obsolete-folding"] },
  [
    becomes("HTTP/2.0", "", ["SERVER_PROTOCOL"], { SERVER_PROTOCOL: "HTTP/2.0" }, "GET /environ HTTP/2.0"),
    becomes("HTTP/0.9", "", ["SERVER_PROTOCOL"], { SERVER_PROTOCOL: "HTTP/0.9" }, "GET /environ HTTP/0.9"),
    becomes("HTTP/10.0", "", [], { status: 400 }, "GET /environ HTTP/10.0"),
    becomes("a blank before the colon", "X-A \t: 1\r\n", ["HTTP_X_A"], { HTTP_X_A: "1" }),
    becomes("a blank before the colon of a framing field", "Content-Length : 0\r\n", ["CONTENT_LENGTH"], { CONTENT_LENGTH: "0" }),
    becomes("a folded value", "X-A: 1\r\n\t 2 \r\n", ["HTTP_X_A"], { HTTP_X_A: "1 2" }),
    becomes("a folded Transfer-Encoding", "Transfer-Encoding: chunked,\r\n identity\r\n", [], { status: 400 }),
    becomes("a folded first line", "", [], { status: 400 }, "GET /environ HTTP/1.1\r\n X-A: 1"),
  ],
);

/** 100-continue is answered before the application runs, whatever came already. */
function expectation(name: string, bytes: string, interim: boolean): Case {
  return talk(
    name,
    async (client) => {
      client.send(bytes);
      const all = await client.readToEnd();
      return {
        interim: all.startsWith("HTTP/1.1 100 Continue\r\n\r\n"),
        once: all.split("100 Continue").length <= 2,
        served: / 200 OK\r\n/.test(all),
      };
    },
    { interim, once: true, served: true },
  );
}

compareServers("Expect", { args: ["cases"] }, [
  expectation(
    "with the body behind the head",
    "POST /echo HTTP/1.1\r\nConnection: close\r\nExpect: 100-CONTINUE\r\nContent-Length: 2\r\n\r\nok",
    true,
  ),
  expectation("without a body", "GET / HTTP/1.1\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n", true),
  expectation("of HTTP/1.0", "POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok", false),
]);

/** What is written to the logs about one refusal. */
function logged(name: string, bytes: string, status: number, warning: RegExp, access: boolean): Case {
  return talk(
    name,
    async (client, server) => {
      const from = server.lines.length;
      client.send(bytes);
      const response = await client.readResponse();
      client.halfClose();
      await client.readToEnd();
      const [, text] = await server.waitForLine(/Invalid request from ip=127\.0\.0\.1: (.*)$/, from);
      // An access line, if one comes, is written before the next request's.
      const behind = await server.exchange("GET /behind HTTP/1.1\r\nConnection: close\r\n\r\n");
      await server.waitForLine(/"GET \/behind HTTP\/1\.1" 200/, from);
      const lines = server.lines.slice(from).flatMap(({ text: line }) => /"([A-Z]+ \S+ \S+" \d+ \S+)/.exec(line)?.[1] ?? []);
      const refused = lines.filter((line) => !line.includes("/behind"));
      return {
        status: response.status,
        warned: warning.test(text ?? ""),
        text,
        behind: behind.status,
        access: refused,
        accessed: refused.length > 0,
      };
    },
    { status, warned: true, behind: 200, accessed: access },
  );
}

compareServers("log lines of refusals", { args: ["cases", "--access-logfile", "-"] }, [
  logged("a request line", "GET /\r\n\r\n", 400, /^Invalid HTTP request line: 'GET \/'$/, false),
  logged("a method", "get / HTTP/1.1\r\n\r\n", 400, /^Invalid HTTP method: 'get'$/, false),
  logged("a version", "GET / HTTP/3.0\r\n\r\n", 400, /^Invalid HTTP Version: \(3, 0\)$/, false),
  logged(
    "a long request line",
    `GET /${"a".repeat(4094 - 13)} HTTP/1.1\r\n\r\n`,
    414,
    /^Request Line is too large \(4095 > 4094\)$/,
    false,
  ),
  logged("a field", "GET / HTTP/1.1\r\nX\r\n\r\n", 400, /^Invalid HTTP Header: 'X'$/, false),
  logged("a name", "GET / HTTP/1.1\r\nX : y\r\n\r\n", 400, /^Invalid HTTP header name: 'X '$/, false),
  logged("a folded line", "GET / HTTP/1.1\r\nX: y\r\n z\r\n\r\n", 400, /^Obsolete line folding is unacceptable: 'X'$/, false),
  logged("an expectation", "GET / HTTP/1.1\r\nExpect: 'x'\r\n\r\n", 417, /^Unable to comply with expectation: "'x'"$/, false),
  logged("schemes", `GET / HTTP/1.1\r\n${HTTPS}X-Forwarded-Ssl: off\r\n\r\n`, 400, /^Contradictory scheme headers$/, false),
  logged("a coding", "GET / HTTP/1.1\r\nTransfer-Encoding: br\r\n\r\n", 501, /^Unsupported transfer coding: 'br'$/, false),
  logged("too many fields", `GET / HTTP/1.1\r\n${"A: b\r\n".repeat(101)}\r\n`, 431, /^limit request headers fields$/, false),
  logged("a long field", `GET / HTTP/1.1\r\nA: ${"b".repeat(8190)}\r\n\r\n`, 431, /^limit request headers fields size$/, false),
  logged("a length", "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400, /^Invalid HTTP Header: 'CONTENT-LENGTH'$/, true),
  logged(
    "two framings",
    "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    400,
    /^Invalid HTTP Header: 'CONTENT-LENGTH'$/,
    true,
  ),
  logged("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, /^Invalid HTTP Header: 'HOST'$/, true),
  logged("a chunk", "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400, /^Invalid chunk size: b'x'$/, true),
  logged(
    "an extension",
    "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;\r\n",
    400,
    /^Invalid chunk extension: invalid chunk extension$/,
    true,
  ),
  logged(
    "a chunk's end",
    "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
    400,
    /^Invalid chunk terminator is not '\\r\\n': b'bc'$/,
    true,
  ),
  logged(
    "a trailer",
    "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: x\r\n\r\n",
    400,
    /^Invalid HTTP header name: 'HOST'$/,
    true,
  ),
]);
