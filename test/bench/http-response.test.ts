import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readHttpResponse } from "../../bench/http-response.ts";

function read(text: string): { status: number; body: string; endBytes: number; keepAlive: boolean } | undefined {
  const response = readHttpResponse(Buffer.from(text, "latin1"));
  return response && { ...response, body: response.body.toString("latin1") };
}

const ANSWER = "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello";

describe("readHttpResponse", () => {
  test("reads a whole answer", () => {
    assert.deepEqual(read(ANSWER), { status: 200, body: "hello", endBytes: ANSWER.length, keepAlive: true });
  });

  test("ends where the next one starts", () => {
    assert.equal(read(`${ANSWER}HTTP/1.1 500 `)?.endBytes, ANSWER.length);
  });

  test("asks for more wherever it is cut", () => {
    for (let length = 0; length < ANSWER.length; length += 1) assert.equal(read(ANSWER.slice(0, length)), undefined, `${length} bytes`);
  });

  const CONNECTIONS = [
    { version: "1.1", field: "", keepAlive: true },
    { version: "1.1", field: "Connection: keep-alive\r\n", keepAlive: true },
    { version: "1.1", field: "connection: Close\r\n", keepAlive: false },
    { version: "1.0", field: "", keepAlive: false },
    { version: "1.0", field: "Connection: Keep-Alive\r\n", keepAlive: true },
  ];
  for (const { version, field, keepAlive } of CONNECTIONS) {
    test(`HTTP/${version} with ${field.trim() || "no Connection"} ${keepAlive ? "stays open" : "closes"}`, () => {
      assert.equal(read(`HTTP/${version} 200 OK\r\nContent-Length: 0\r\n${field}\r\n`)?.keepAlive, keepAlive);
    });
  }

  const REFUSED = [
    { name: "something else", text: "SSH-2.0-OpenSSH\r\n\r\n", message: /starts with "SSH-2.0/ },
    {
      name: "no Content-Length",
      text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      message: /status 200 has no Content-Length/,
    },
  ];
  for (const { name, text, message } of REFUSED) test(`refuses ${name}`, () => assert.throws(() => read(text), message));
});
