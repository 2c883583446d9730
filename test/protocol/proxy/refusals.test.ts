import assert from "node:assert/strict";
import { test } from "node:test";
import { invalidProxyHeader, invalidProxyLine, proxyNotAllowed } from "../../../src/protocol/proxy/refusals.ts";

const REFUSALS = [
  {
    error: invalidProxyLine("PROXY \r"),
    code: "bad-proxy-header",
    message: "Invalid PROXY line: 'PROXY \\r'",
    pageText: "'Invalid PROXY line: 'PROXY \\r''",
  },
  {
    error: invalidProxyHeader("unsupported version 1"),
    code: "bad-proxy-header",
    message: "Invalid PROXY header: unsupported version 1",
    pageText: "'Invalid PROXY header: unsupported version 1'",
  },
  {
    error: proxyNotAllowed("10.0.0.1"),
    code: "proxy-not-allowed",
    message: "Proxy request from '10.0.0.1' not allowed",
    pageText: "Request forbidden",
  },
];

for (const { error, code, message, pageText } of REFUSALS) {
  test(message, () => assert.deepEqual([error.code, error.message, error.pageText], [code, message, pageText]));
}
