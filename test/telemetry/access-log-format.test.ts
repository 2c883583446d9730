import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { type HeaderName, headerName } from "../../src/request/header-name.ts";
import type { RequestHead } from "../../src/request/request-head.ts";
import type { AccessRecord } from "../../src/telemetry/access-log-atoms.ts";
import { AccessLogFormatError, compileAccessLogFormat } from "../../src/telemetry/access-log-format.ts";

/** One exchange of access-log-vectors.json, made by access_log_vectors.py with Gunicorn's own logger. */
interface Exchange {
  readonly method?: string;
  readonly target: string;
  readonly protocol?: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly status?: string;
  readonly response?: readonly (readonly [string, string])[];
  readonly bytes?: number;
  readonly us?: number;
  readonly unix?: boolean;
  readonly script_name?: string;
  readonly lines: readonly string[];
}

interface Vectors {
  readonly timezone: string;
  readonly finishedMs: number;
  readonly workerPid: number;
  readonly exchanges: Readonly<Record<string, Exchange>>;
  readonly formats: readonly string[];
  readonly refused: readonly string[];
}

const vectors: Vectors = JSON.parse(readFileSync(new URL("access-log-vectors.json", import.meta.url), "utf8"));
process.env.TZ = vectors.timezone;

function recordOf(exchange: Exchange): AccessRecord {
  const [pathAndQuery = ""] = exchange.target.split("#");
  const [rawPath = "", query = ""] = pathAndQuery.split(/\?(.*)/s);
  const head: RequestHead = {
    peer: exchange.unix
      ? { remoteAddress: "", remotePort: undefined, serverName: "/run/app.sock", serverPort: undefined, trusted: true, secure: false }
      : { remoteAddress: "127.0.0.1", remotePort: 50123, serverName: "127.0.0.1", serverPort: 8000, trusted: false, secure: false },
    method: exchange.method ?? "GET",
    target: exchange.target,
    path: unescape(rawPath),
    rawPath,
    query,
    protocol: exchange.protocol ?? "HTTP/1.1",
    scheme: "http",
    scriptName: undefined,
    names: exchange.headers.map(([name]): HeaderName => headerName(name)!),
    values: exchange.headers.map(([, value]) => value),
    framing: { kind: "none" },
    expectsContinue: false,
    keepAlive: false,
  };
  return {
    head,
    status: Number.parseInt(exchange.status ?? "200", 10),
    bodyBytes: exchange.bytes ?? 3,
    durationUs: exchange.us ?? 1234,
    responseFieldLines: (exchange.response ?? []).map(([name, value]) => `${name}: ${value}\r\n`).join(""),
    workerPid: vectors.workerPid,
    finishedMs: vectors.finishedMs,
  };
}

const plain = recordOf(vectors.exchanges.plain!);

for (const [name, exchange] of Object.entries(vectors.exchanges)) {
  vectors.formats.forEach((format, i) => {
    test(`${name}: the line of ${JSON.stringify(format)} is Gunicorn's`, () => {
      const constants = { server_software: "gunicorn/27.0.1", script_name: exchange.script_name ?? "", "wsgi.multiprocess": "False" };
      assert.equal(compileAccessLogFormat(format, constants)(recordOf(exchange)), exchange.lines[i]);
    });
  });
}

for (const format of [...vectors.refused, "%(h)5000s", "%(h).5000s", "%(D).101f", "%(a)a"]) {
  test(`${JSON.stringify(format)} is refused when it is compiled`, () => {
    assert.throws(() => compileAccessLogFormat(format), AccessLogFormatError);
  });
}

test("a refusal names the format, what is wrong and what to write", () => {
  assert.throws(() => compileAccessLogFormat("%(h)d"), {
    message: 'access_log_format "%(h)d": %(h)d needs a number, and h is a text: use %(h)s',
  });
  assert.throws(() => compileAccessLogFormat("%h"), {
    message: 'access_log_format "%h": %h names no atom: write atoms as %(h)s, and %% for a percent sign',
  });
});

const CONTROLS = [
  { name: "a line feed in the path", format: "%(U)s", head: { path: "/a\nb" }, line: "/a\\x0ab" },
  { name: "an escape sequence in the path", format: "%(U)s", head: { path: '/\x1b[31m"' }, line: '/\\x1b[31m\\"' },
  { name: "a C1 control in a value", format: "%({x}i)s", head: { names: [headerName("x")!], values: ["\x9bm"] }, line: "\\x9bm" },
  { name: "a tab, which is harmless,", format: "%(q)s", head: { query: "\t" }, line: "\t" },
];

for (const { name, format, head, line } of CONTROLS) {
  test(`${name} cannot forge a line`, () => {
    assert.equal(compileAccessLogFormat(format)({ ...plain, head: { ...plain.head, ...head } }), line);
  });
}

test("the user of Basic credentials cannot forge a line", () => {
  const authorization = `Basic ${Buffer.from("a\n127.0.0.1 - admin:x").toString("base64")}`;
  const head = { ...plain.head, names: [headerName("Authorization")!], values: [authorization] };
  assert.equal(compileAccessLogFormat("%(u)s")({ ...plain, head }), "a\\x0a127.0.0.1 - admin");
});

const PROXY_FORMAT = "%(h)s %({remote_addr}e)s %({remote_port}e)s %({proxy_protocol}e)s %({proxy_addr}e)s %({proxy_port}e)s";
const ADDRESSES = { clientAddress: "198.51.100.7", clientPort: 50000, proxyAddress: "198.51.100.1", proxyPort: 443 };
const PROXIED = [
  {
    name: "behind a PROXY header the client is named, not the proxy",
    peer: { remoteAddress: "198.51.100.7", remotePort: 50000, proxy: { protocol: "TCP4", addresses: ADDRESSES } as const },
    line: "198.51.100.7 198.51.100.7 50000 TCP4 198.51.100.1 443",
  },
  {
    name: "a proxy's health check has no address of a client",
    peer: { proxy: { protocol: "LOCAL", addresses: undefined } as const },
    line: "127.0.0.1 127.0.0.1 50123 LOCAL - -",
  },
  { name: "without a PROXY header its variables are absent", peer: {}, line: "127.0.0.1 127.0.0.1 50123 - - -" },
];

for (const { name, peer, line } of PROXIED) {
  test(name, () => {
    const head = { ...plain.head, peer: { ...plain.head.peer, ...peer } };
    assert.equal(compileAccessLogFormat(PROXY_FORMAT)({ ...plain, head }), line);
  });
}

test("the clock's text follows the second, not the first record", () => {
  const line = compileAccessLogFormat("%(t)s");
  assert.equal(line({ ...plain, finishedMs: 0 }), "[01/Jan/1970:05:30:00 +0530]");
  assert.equal(line({ ...plain, finishedMs: 999 }), "[01/Jan/1970:05:30:00 +0530]");
  assert.equal(line({ ...plain, finishedMs: 1000 }), "[01/Jan/1970:05:30:01 +0530]");
});

test("a request of more than a day keeps its days", () => {
  const line = compileAccessLogFormat("%(T)s %(M)s %(D)s %(L)s");
  assert.equal(line({ ...plain, durationUs: 90_000_000_001 }), "90000 90000000 90000000001 90000.000001");
});

test("whatever a client sends, a line stays one line", () => {
  const line = compileAccessLogFormat('%(r)s %(U)s %(q)s "%(f)s" "%(a)s" %(u)s %({x}i)r %({x}e)s');
  const anyText = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
  fc.assert(
    fc.property(anyText, anyText, anyText, anyText, (path, query, value, user) => {
      const values = [value, value, `Basic ${Buffer.from(user).toString("base64")}`, value];
      const names = ["Referer", "User-Agent", "Authorization", "x"].map((name) => headerName(name)!);
      const text = line({ ...plain, head: { ...plain.head, path, query, names, values } });
      assert.doesNotMatch(text, /(?!\t)\p{Cc}/u);
    }),
  );
});

test("the time that is kept for a second is the time that would be made", () => {
  const kept = compileAccessLogFormat("%(t)s", {});
  const record = recordOf(Object.values(vectors.exchanges)[0]!);
  const near = fc.integer({ min: 0, max: 3000 }).map((ms) => vectors.finishedMs + ms);
  // Both changes of the clocks of 2026, to and fro: what was kept must not outlive its second.
  const anywhere = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2026, 11, 31) });
  fc.assert(
    fc.property(fc.array(fc.oneof(near, anywhere), { maxLength: 30 }), (times) => {
      for (const finishedMs of times) {
        assert.equal(kept({ ...record, finishedMs }), compileAccessLogFormat("%(t)s", {})({ ...record, finishedMs }));
      }
    }),
  );
});
