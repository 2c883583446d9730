import assert from "node:assert/strict";
import { test } from "node:test";
import { NurseryLog } from "../../src/gateway/nursery-log.ts";
import { requestHead } from "./memory-exchange.ts";

/** A channel that takes everything, and says so when the test wants. */
function channel() {
  const sent: Record<string, unknown>[] = [];
  const acknowledged: (() => void)[] = [];
  return {
    sent,
    acknowledged,
    connected: true,
    send(message: object, _handle: undefined, _options: object, callback: () => void) {
      sent.push(message as Record<string, unknown>);
      acknowledged.push(callback);
      return true;
    },
  };
}

const COMPLETION = { head: requestHead("GET", "/a"), status: 499, bodyBytes: 3, fieldLines: "X: 1\r\n", durationUs: 12.7 };

test("lines of both logs", () => {
  const way = channel();
  const log = new NurseryLog(way);
  log.scriptName = "/a";
  assert.equal(log.line("warning", "text"), true);
  log.access(COMPLETION);
  assert.deepEqual(way.sent[0], { ev: "log", level: "warning", text: "text" });
  const { environ, ...rest } = way.sent[1] ?? {};
  assert.deepEqual(rest, { ev: "access", status: 499, bytes: 3, fields: "X: 1\r\n", durationUs: 12 });
  assert.ok(String(environ).includes("SCRIPT_NAMEz\u0002/a"));
});

test("a request that is not below its SCRIPT_NAME has a line too", () => {
  const way = channel();
  const log = new NurseryLog(way);
  log.access({ ...COMPLETION, head: { ...COMPLETION.head, scriptName: "/elsewhere" } });
  assert.ok(String(way.sent[0]?.environ).includes("PATH_INFOz\u0002/a"));
});

test("an extended CONNECT that no worker has, which WSGI has no place for, has a line too", () => {
  const way = channel();
  const log = new NurseryLog(way);
  log.scriptName = "/a";
  log.access({ ...COMPLETION, head: { ...COMPLETION.head, method: "CONNECT", protocol: "HTTP/2.0", connectProtocol: "websocket" } });
  const environ = String(way.sent[0]?.environ);
  assert.ok(environ.includes("CONNECT") && environ.includes("SCRIPT_NAMEz\u0002/a"));
});

test("a nursery that takes nothing is not sent more than a mebibyte, and one that is gone nothing", () => {
  const way = channel();
  const log = new NurseryLog(way);
  const text = "x".repeat(100_000);
  while (log.line("error", text)) assert.ok(way.sent.length < 20, "it ends");
  assert.equal(way.sent.length, 11);
  for (const acknowledge of way.acknowledged.splice(0)) acknowledge();
  assert.equal(log.line("error", text), true, "it goes on when the nursery does");
  way.connected = false;
  assert.equal(log.line("error", text), false);
});
