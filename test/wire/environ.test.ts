import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type HeaderName, headerName } from "../../src/request/header-name.ts";
import type { Peer, RequestHead } from "../../src/request/request-head.ts";
import { encodeEnviron } from "../../src/wire/environ.ts";
import { PYTHONS } from "../pythons.ts";
import { readInPython } from "./read-in-python.ts";

const TCP: Peer = {
  remoteAddress: "192.0.2.7",
  remotePort: 40000,
  serverName: "0.0.0.0",
  serverPort: 8000,
  trusted: false,
  secure: false,
};
const UNIX: Peer = { ...TCP, remoteAddress: "", remotePort: undefined, serverName: "/run/app.sock", serverPort: undefined, trusted: true };

const ADDRESSES = { clientAddress: "198.51.100.7", clientPort: 50000, proxyAddress: "198.51.100.1", proxyPort: 443 };
const PROXIED: Peer = { ...TCP, remoteAddress: "198.51.100.7", remotePort: 50000, proxy: { protocol: "TCP4", addresses: ADDRESSES } };
const CHECKED: Peer = { ...TCP, proxy: { protocol: "LOCAL", addresses: undefined } };

const PLAIN: RequestHead = {
  peer: TCP,
  method: "GET",
  target: "/",
  path: "/",
  rawPath: "/",
  query: "",
  protocol: "HTTP/1.1",
  scheme: "http",
  scriptName: undefined,
  names: [],
  values: [],
  framing: { kind: "none" },
  expectsContinue: false,
  keepAlive: true,
};

function request(changes: Partial<RequestHead>, fields: readonly (readonly [string, string])[] = []): RequestHead {
  const names = fields.map(([spelling]) => headerName(spelling) ?? assert.fail(`${spelling} is no header name`));
  return { ...PLAIN, ...changes, names, values: fields.map(([, value]) => value) };
}

/** What the environ must be: written for reading, not for speed (protocols §4). */
function expected(head: RequestHead, mountedAt: string): Record<string, string> {
  const scriptName = head.scriptName ?? mountedAt;
  const environ: Record<string, string> = {
    REQUEST_METHOD: head.method,
    SCRIPT_NAME: scriptName,
    PATH_INFO: scriptName === "" ? head.path : latin1Unquote(head.rawPath.slice(scriptName.length)),
    QUERY_STRING: head.query,
    RAW_URI: head.target,
    SERVER_PROTOCOL: head.protocol,
    "wsgi.url_scheme": head.scheme,
    REMOTE_ADDR: head.peer.remoteAddress,
    SERVER_NAME: head.peer.serverName,
    SERVER_PORT: String(head.peer.serverPort ?? ""),
  };
  if (head.peer.remotePort !== undefined) environ.REMOTE_PORT = String(head.peer.remotePort);
  const { proxy } = head.peer;
  if (proxy !== undefined) environ.PROXY_PROTOCOL = proxy.protocol;
  if (proxy?.addresses !== undefined) {
    environ.PROXY_ADDR = proxy.addresses.proxyAddress;
    environ.PROXY_PORT = String(proxy.addresses.proxyPort);
  }
  const fields = head.names.map((name, i) => [name, head.values[i]!] as const);
  const host = fields.find(([name]) => name.lower === "host")?.[1];
  if (head.peer.serverPort === undefined && host !== undefined) {
    const [, name, port] = /^(.*?)(?::([0-9]*))?$/s.exec(host) ?? assert.fail();
    environ.SERVER_NAME = name!;
    environ.SERVER_PORT = port ?? (head.scheme === "https" ? "443" : "80");
  }
  for (const [name, value] of fields) {
    const earlier = environ[name.environKey];
    environ[name.environKey] = earlier === undefined ? value : `${earlier},${value}`;
  }
  return environ;
}

function latin1Unquote(text: string): string {
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const digits = text.slice(i + 1, i + 3);
    if (text[i] === "%" && /^[0-9a-fA-F]{2}$/.test(digits)) {
      bytes.push(Number.parseInt(digits, 16));
      i += 2;
    } else bytes.push(text.charCodeAt(i));
  }
  return Buffer.from(bytes).toString("latin1");
}

const latin1Text = (maxLength: number) =>
  fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)), maxLength });
const token = fc.stringMatching(/^[A-Za-z!#$%&'*+^`|~_.-][A-Za-z0-9_.-]{0,20}$/);
const name = fc.oneof(fc.constantFrom("Host", "Cookie", "Accept", "X-Id", "X_Id", "x-id", "Content-Type", "Content-Length"), token);
const field = fc.tuple(name, latin1Text(30));
const path = fc
  .array(fc.oneof(fc.constantFrom("/", "%41", "%e9", "%", "%zz", "a", "~"), fc.stringMatching(/^[!-~]$/)), { maxLength: 12 })
  .map((parts) => `/m${parts.join("")}`);

const anyHead = fc
  .record({
    peer: fc.constantFrom<Peer>(TCP, UNIX, { ...TCP }, PROXIED, CHECKED, { ...UNIX, ...PROXIED, serverPort: undefined }),
    method: fc.constantFrom("GET", "POST", "BREW"),
    rawPath: path,
    query: latin1Text(10),
    protocol: fc.constantFrom("HTTP/1.1", "HTTP/1.0", "HTTP/2.0"),
    scheme: fc.constantFrom("http" as const, "https" as const),
    scriptName: fc.constantFrom(undefined, "", "/m"),
  })
  .chain((head) =>
    fc
      .array(field, { maxLength: 12 })
      .map((fields) => request({ ...head, target: head.rawPath, path: latin1Unquote(head.rawPath) }, fields)),
  );

for (const { path: python, name: version } of PYTHONS) {
  test(`encodeEnviron says what a slow reference says, read by Python ${version} (${python})`, () => {
    const heads = fc.sample(fc.tuple(anyHead, fc.constantFrom("", "/m")), { numRuns: 1500, seed: 3 });
    const read = readInPython(
      python,
      heads.map(([head, mountedAt]) => encodeEnviron(head, mountedAt)),
    );
    for (const [i, [head, mountedAt]] of heads.entries()) assert.deepEqual(read[i], expected(head, mountedAt));
  });
}

const CASES: readonly { name: string; head: RequestHead; mountedAt?: string; has: Record<string, string> }[] = [
  {
    name: "repeats are joined by a comma without a blank",
    head: request({}, [
      ["Cookie", "a=1"],
      ["Accept", "x"],
      ["Cookie", "b=2"],
    ]),
    has: { HTTP_COOKIE: "a=1,b=2", HTTP_ACCEPT: "x" },
  },
  {
    name: "a dashed name and its underscored twin are one key (header_map=dangerous)",
    head: request({}, [
      ["X-Id", "1"],
      ["X_Id", "2"],
    ]),
    has: { HTTP_X_ID: "1,2" },
  },
  {
    name: "the names of a mount point are cut from the path",
    head: request({ target: "/m/%61", rawPath: "/m/%61", path: "/m/a" }),
    mountedAt: "/m",
    has: { SCRIPT_NAME: "/m", PATH_INFO: "/a" },
  },
  {
    name: "a plain prefix is enough",
    head: request({ target: "/mb", rawPath: "/mb", path: "/mb" }),
    mountedAt: "/m",
    has: { PATH_INFO: "b" },
  },
  {
    name: "an empty SCRIPT_NAME header takes the mount point away",
    head: request({ scriptName: "" }),
    mountedAt: "/m",
    has: { SCRIPT_NAME: "", PATH_INFO: "/" },
  },
  {
    name: "a unix socket without a Host has its path for a name",
    head: request({ peer: UNIX }),
    has: { SERVER_NAME: "/run/app.sock", SERVER_PORT: "", REMOTE_ADDR: "" },
  },
  {
    name: "a unix socket's Host gives name and port",
    head: request({ peer: UNIX }, [["Host", "[::1]:8000"]]),
    has: { SERVER_NAME: "[::1]", SERVER_PORT: "8000" },
  },
  {
    name: "a unix socket's Host without a port has the scheme's",
    head: request({ peer: UNIX, scheme: "https" }, [["Host", "h"]]),
    has: { SERVER_PORT: "443" },
  },
  {
    name: "behind a PROXY header the client's address is REMOTE_ADDR, and where it had connected to PROXY_ADDR",
    head: request({ peer: PROXIED }),
    has: {
      REMOTE_ADDR: "198.51.100.7",
      REMOTE_PORT: "50000",
      PROXY_PROTOCOL: "TCP4",
      PROXY_ADDR: "198.51.100.1",
      PROXY_PORT: "443",
      SERVER_NAME: "0.0.0.0",
    },
  },
  {
    name: "a proxy's health check is the proxy's",
    head: request({ peer: CHECKED }),
    has: { REMOTE_ADDR: "192.0.2.7", REMOTE_PORT: "40000", PROXY_PROTOCOL: "LOCAL" },
  },
];

test("encodeEnviron, case by case", async (t) => {
  for (const { name, head, mountedAt = "", has } of CASES) {
    await t.test(name, () => {
      const [environ] = readInPython("python3", [encodeEnviron(head, mountedAt)]) as Record<string, string>[];
      for (const [key, value] of Object.entries(has)) assert.equal(environ?.[key], value);
    });
  }
});

test("a path that is not below the mount point is refused with Gunicorn's words", () => {
  assert.throws(() => encodeEnviron(request({ target: "/x", rawPath: "/x", path: "/x" }), "/m"), {
    code: "bad-script-name",
    message: "Configuration problem: Request path '/x' does not start with SCRIPT_NAME '/m'",
  });
});

test("what a client asks for on a stream of HTTP/2 that WSGI has no place for is refused", () => {
  const head = { ...request({ method: "CONNECT" }), connectProtocol: "websocket" };
  assert.throws(() => encodeEnviron(head, ""), { code: "unsupported-connect-protocol", message: "WSGI has no :protocol 'websocket'" });
});

test("names that a client invents are interned neither here nor in the workers, and cost nobody his speed", () => {
  const KEYS_MAX = 4096;
  const invented = (number: number): HeaderName => headerName(`X-Invented-${number}`) ?? assert.fail();
  for (let number = 0; number < KEYS_MAX; number++) encodeEnviron({ ...PLAIN, names: [invented(number)], values: ["v"] }, "");
  const late = { ...PLAIN, names: [headerName("Host")!, invented(KEYS_MAX)], values: ["h", "v"] };
  const environ = encodeEnviron(late, "");
  assert.ok(environ.includes(`z\x14HTTP_X_INVENTED_${KEYS_MAX}`), "the key is plain text, not an interned one");
  assert.deepEqual(readInPython("python3", [environ]), [expected(late, "")]);
});

test("repeats are joined while the tables of keys are full and forgotten: the environ is the slow reference's", () => {
  const crowd = Array.from({ length: 9000 }, (_, number): readonly [string, string] => [`X-Crowd-${number}`, "c"]);
  const heads: RequestHead[] = [];
  for (let from = 0; from < crowd.length; from += 90) {
    // Somewhere the crowd fills the last table between two fields of one name that is as new as its own.
    const twin = `X-Twin-${from}`;
    heads.push(request({}, [[twin, "1"], ...crowd.slice(from, from + 90), [twin, "2"], ["Cookie", "a"]]));
  }
  const read = readInPython(
    "python3",
    heads.map((head) => encodeEnviron(head, "")),
  );
  for (const [index, head] of heads.entries()) assert.deepEqual(read[index], expected(head, ""));
});
