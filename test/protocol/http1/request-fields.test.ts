import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestFields } from "../../../src/protocol/http1/request-fields.ts";
import { headerName } from "../../../src/request/header-name.ts";
import { type GunicornSettings, peerOf, policyOf } from "./outcome.ts";

interface Sender {
  readonly trusted?: boolean;
  readonly secure?: boolean;
  readonly version?: number;
  readonly settings?: GunicornSettings;
}

function read(lines: readonly string[], { trusted = true, secure = false, version = 11, settings = {} }: Sender = {}): RequestFields {
  const fields = new RequestFields(policyOf(settings), peerOf({ trusted, secure }), version);
  for (const line of lines) {
    const [name = "", value = ""] = line.split(": ");
    fields.add(headerName(name)!, value);
  }
  return fields;
}

const kept = (fields: RequestFields) => fields.names.map(({ upper }, index) => `${upper}: ${fields.values[index]}`);

/** protocols §1.6 */
const SCHEMES: { lines: string[]; sender: Sender; scheme: string }[] = [
  { lines: [], sender: {}, scheme: "http" },
  { lines: [], sender: { secure: true }, scheme: "https" },
  { lines: ["X-Forwarded-Proto: https"], sender: {}, scheme: "https" },
  { lines: ["X-Forwarded-Proto: HTTPS"], sender: {}, scheme: "http" },
  { lines: ["X-Forwarded-Proto: http"], sender: { secure: true }, scheme: "http" },
  { lines: ["X-Forwarded-Proto: https", "X-Forwarded-Ssl: on"], sender: {}, scheme: "https" },
  { lines: ["X-Forwarded-Proto: https"], sender: { trusted: false }, scheme: "http" },
  { lines: ["X-Forwarded-Proto: https", "X-Forwarded-Ssl: off"], sender: { trusted: false, secure: true }, scheme: "https" },
];

for (const { lines, sender, scheme } of SCHEMES) {
  test(`scheme is ${scheme} for [${lines.join(", ")}] from ${JSON.stringify(sender)}`, () =>
    assert.equal(read(lines, sender).scheme, scheme));
}

for (const lines of [
  ["X-Forwarded-Proto: https", "X-Forwarded-Ssl: off"],
  ["X-Forwarded-Proto: https", "X-Forwarded-Proto: http"],
  ["X-Forwarded-Protocol: http", "X-Forwarded-Ssl: on"],
]) {
  test(`[${lines.join(", ")}] contradict each other`, () => assert.throws(() => read(lines), { code: "bad-scheme-headers" }));
}

test("a trusted SCRIPT_NAME is kept and the last one counts", () => {
  const fields = read(["script_name: /a", "SCRIPT_NAME: /b", "Script-Name: /c"]);
  assert.equal(fields.scriptName, "/b");
  assert.deepEqual(kept(fields), ["SCRIPT_NAME: /a", "SCRIPT_NAME: /b", "SCRIPT-NAME: /c"]);
});

test("an untrusted SCRIPT_NAME is dropped", () => {
  const fields = read(["SCRIPT_NAME: /a", "A: b"], { trusted: false });
  assert.equal(fields.scriptName, undefined);
  assert.deepEqual(kept(fields), ["A: b"]);
});

test("header_map=dangerous lets any peer set SCRIPT_NAME, as in Gunicorn", () => {
  assert.equal(read(["SCRIPT_NAME: /a"], { trusted: false, settings: { header_map: "dangerous" } }).scriptName, "/a");
});

test("dropped fields do not count", () => assert.equal(read(["X_Y: 1", "A: b"]).kept, 1));

for (const line of ["Host: a", "content-type: a"]) {
  test(`a second ${line} is refused, equal or not (RFC 9110 §5.3)`, () =>
    assert.throws(() => read([line, line]), { code: "repeated-header" }));
}

/** RFC 9110 §10.1.1, protocols §1.8 */
const EXPECTATIONS = [
  { value: "100-continue", version: 11, expects: true },
  { value: "100-Continue", version: 12, expects: true },
  { value: "100-continue", version: 10, expects: false },
];

for (const { value, version, expects } of EXPECTATIONS) {
  test(`Expect: ${value} in version ${version} is ${expects ? "answered" : "ignored"}`, () => {
    const fields = read([`Expect: ${value}`], { version });
    assert.equal(fields.expectsContinue, expects);
    assert.equal(fields.kept, 1);
  });
}

test("any other expectation fails, in HTTP/1.0 too", () => {
  assert.throws(() => read(["Expect: x"], { version: 10 }), { code: "expectation-failed" });
});

test("Connection fields are one list, framing fields keep their order", () => {
  const fields = read(["Connection: a", "Content-Length: 1", "Connection: b", "Transfer-Encoding: x"]);
  assert.equal(fields.connection, "a,b");
  assert.deepEqual(fields.framing, [
    { kind: "content-length", value: "1" },
    { kind: "transfer-encoding", value: "x" },
  ]);
});
