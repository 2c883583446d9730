import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { percentDecode } from "../../src/base/percent-decoding.ts";
import { headerName } from "../../src/request/header-name.ts";
import type { Peer, RequestHead } from "../../src/request/request-head.ts";
import { marshalKey, marshalText } from "../../src/wire/marshal.ts";
import { encodeScope, encodeWebsocketScope, takesTrailers } from "../../src/wire/scope.ts";
import { PYTHONS } from "../pythons.ts";

const PEER: Peer = { remoteAddress: "192.0.2.1", remotePort: 65535, serverName: "0.0.0.0", serverPort: 80, trusted: false, secure: false };

function head(changes: Partial<RequestHead> & { fields?: readonly (readonly [string, string])[] } = {}): RequestHead {
  const { fields = [], ...rest } = changes;
  return {
    peer: PEER,
    method: "GET",
    target: "/",
    path: "/",
    rawPath: "/",
    query: "",
    protocol: "HTTP/1.1",
    scheme: "http",
    scriptName: undefined,
    names: fields.map(([name]) => headerName(name) ?? assert.fail()),
    values: fields.map(([, value]) => value),
    framing: { kind: "none" },
    expectsContinue: false,
    keepAlive: true,
    ...rest,
  };
}

/** What Python's `print(SHOWN)` says of each value, `x`, that `marshal.loads` made. */
function inPython(python: string, marshalled: readonly string[], shown = "ascii(x)"): string[] {
  const pieces = marshalled.flatMap((text) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    return [length, Buffer.from(text, "latin1")];
  });
  const reader = `
import marshal, struct, sys
data = sys.stdin.buffer.read()
at = 0
while at < len(data):
    (length,) = struct.unpack_from("<I", data, at)
    at += 4
    x = marshal.loads(data[at:at + length])
    print(${shown})
    at += length
`;
  return execFileSync(python, ["-I", "-c", reader], { input: Buffer.concat(pieces), encoding: "utf8" })
    .split("\n")
    .slice(0, -1);
}

for (const { path: python, name: version } of PYTHONS) {
  test(`a scope as Python ${version} (${python}) reads it`, () => {
    const [scope] = inPython(python, [
      encodeScope(
        head({
          method: "PURGE",
          path: percentDecode("/a%20%C3%A9%FF"),
          rawPath: "/a%20%C3%A9%FF",
          query: "x=%20",
          scheme: "https",
          fields: [
            ["Host", "h"],
            ["X-A", "\xe9"],
            ["x-a", "2"],
          ],
        }),
        "/caf\u00e9",
      ),
    ]);
    assert.equal(
      scope,
      "{'http_version': '1.1', 'method': 'PURGE', 'scheme': 'https', 'path': '/a \\xe9\\ufffd', 'raw_path': b'/a%20%C3%A9%FF', " +
        "'query_string': b'x=%20', 'root_path': '/caf\\xe9', 'client': ('192.0.2.1', 65535), 'server': ('0.0.0.0', 80), " +
        "'headers': [(b'host', b'h'), (b'x-a', b'\\xe9'), (b'x-a', b'2')]}",
    );
  });

  test(`a WebSocket's scope as Python ${version} (${python}) reads it`, () => {
    const fields = [
      ["Sec-WebSocket-Protocol", "chat , v2.chat"],
      ["X-A", "1"],
      ["sec-websocket-protocol", "other"],
    ] as const;
    const scopes = [encodeWebsocketScope(head({ scheme: "https", fields }), "/r"), encodeWebsocketScope(head(), "")];
    const shown = inPython(
      python,
      scopes,
      "[x.get(k) for k in ('method', 'scheme', 'root_path', 'subprotocols', 'http_version')], len(x['headers'])",
    );
    assert.deepEqual(shown, ["[None, 'wss', '/r', ['chat', 'v2.chat', 'other'], '1.1'] 3", "[None, 'ws', '', [], '1.1'] 0"]);
  });

  test(`addresses as Python ${version} (${python}) reads them`, () => {
    const unix: Peer = { ...PEER, remoteAddress: "", remotePort: undefined, serverName: "/run/s", serverPort: undefined };
    const shown = inPython(python, [
      encodeScope(head({ peer: unix }), ""),
      encodeScope(head({ peer: { ...PEER, acceptedOn: "192.0.2.9" } }), ""),
    ]);
    assert.match(shown[0] ?? "", /'client': None, 'server': \('\/run\/s', None\)/);
    assert.match(shown[1] ?? "", /'server': \('192\.0\.2\.9', 80\)/);
  });

  test(`any bytes in path, query and values survive the way to Python ${version} (${python})`, () => {
    const bytes = fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)), maxLength: 600 });
    const cases = fc.sample(fc.tuple(bytes, bytes, bytes), 200);
    const scopes = cases.map(([path, query, value]) => encodeScope(head({ path, rawPath: path, query, fields: [["X", value]] }), ""));
    const hex = (text: string) => Buffer.from(text, "latin1").toString("hex");
    const expected = cases.map(([path, query, value]) => `${hex(path)} ${hex(query)} ${hex(value)} True`);
    const show =
      "x['raw_path'].hex(), x['query_string'].hex(), x['headers'][0][1].hex(), x['path'] == x['raw_path'].decode('utf-8', 'replace')";
    assert.deepEqual(inPython(python, scopes, show), expected);
  });
}

for (const [protocol, version] of [
  ["HTTP/1.1", "1.1"],
  ["HTTP/1.0", "1.0"],
  ["HTTP/2.0", "2"],
] as const) {
  test(`${protocol} is version ${version} to an application`, () => {
    assert.ok(encodeScope(head({ protocol }), "").includes(marshalKey("http_version") + marshalText(version)));
  });
}

for (const [te, protocol, takes] of [
  ["trailers", "HTTP/1.1", true],
  ["gzip, Trailers", "HTTP/1.1", true],
  ["trailers", "HTTP/1.0", false],
  ["gzip", "HTTP/1.1", false],
  ["gzip", "HTTP/2.0", true],
] as const) {
  test(`TE: ${te} on ${protocol}: trailers ${takes ? "are" : "are not"} taken`, () => {
    assert.equal(takesTrailers(head({ protocol, fields: [["TE", te]] })), takes);
  });
}

test("without TE trailers are taken by HTTP/2 only", () => {
  assert.deepEqual([takesTrailers(head()), takesTrailers(head({ protocol: "HTTP/2.0" }))], [false, true]);
});
