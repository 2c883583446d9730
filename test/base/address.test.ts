import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { addressInMessages, addressUrl, type BindAddress, parseBindAddress } from "../../src/base/address.ts";
import type { PyValue } from "../../src/base/python-repr.ts";
import { pythonValue } from "../../src/base/python-repr.ts";

interface Vector {
  readonly text: string;
  readonly value?: PyValue;
  readonly error?: string;
}

const vectors: readonly Vector[] = JSON.parse(readFileSync(new URL("vectors/address.json", import.meta.url), "utf8"));

/** As Gunicorn's parse_address returns it: a pair, a path, a number. */
function asGunicorn(address: BindAddress): PyValue {
  if (address.kind === "unix") return pythonValue(address.path);
  if (address.kind === "fd") return pythonValue(address.fd);
  return { t: "tuple", v: [pythonValue(address.host), pythonValue(address.port)] };
}

for (const { text, value, error } of vectors) {
  test(`address ${JSON.stringify(text)} means what it means to Gunicorn`, () => {
    if (value === undefined) assert.throws(() => parseBindAddress(text), { message: error });
    else assert.deepEqual(asGunicorn(parseBindAddress(text)), value);
  });
}

const SHOWN = [
  { text: "127.0.0.1:8000", url: "http://127.0.0.1:8000", message: "('127.0.0.1', 8000)" },
  { text: "[::1]:80", url: "http://[::1]:80", message: "('::1', 80)" },
  { text: "unix:/p", url: "unix:/p", message: "/p" },
  { text: "fd://3", url: "fd://3", message: "3" },
];

for (const { text, url, message } of SHOWN) {
  test(`address ${text} is shown as ${url} and ${message}`, () => {
    const address = parseBindAddress(text);
    assert.deepEqual([addressUrl(address), addressInMessages(address)], [url, message]);
  });
}

test("a listener with TLS is shown as https", () =>
  assert.equal(addressUrl({ kind: "tcp6", host: "::1", port: 1 }, "https"), "https://[::1]:1"));

test("only IPv6 literals are tcp6", () => {
  assert.equal(parseBindAddress("[::1]:1").kind, "tcp6");
  assert.equal(parseBindAddress("[localhost]:1").kind, "tcp");
});

for (const text of ["h:65536", "h:-1", "fd://-1"]) {
  test(`address ${text} is refused, where Gunicorn fails later with a traceback`, () =>
    assert.throws(() => parseBindAddress(text), /is not a valid/));
}
