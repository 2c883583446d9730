import assert from "node:assert/strict";
import { test } from "node:test";
import { type TakenClient, TakenConnection } from "../../src/gateway/taken-connection.ts";
import type { ApplicationEnd } from "../../src/request/exchange.ts";

/** Both sides, noting in order what happens to them. */
function taken() {
  const asked: string[] = [];
  const slow = { client: false, application: false };
  const client: TakenClient = {
    write: (bytes) => {
      asked.push(`client ${bytes}`);
      return !slow.client;
    },
    pauseReading: () => asked.push("pause client"),
    resumeReading: () => asked.push("resume client"),
    finishWriting: () => asked.push("finish client"),
    takenOver: () => asked.push("over"),
  };
  const application: ApplicationEnd = {
    write: (bytes) => {
      asked.push(`application ${bytes}`);
      return !slow.application;
    },
    end: () => asked.push("end application"),
    pause: () => asked.push("pause application"),
    resume: () => asked.push("resume application"),
    destroy: () => asked.push("destroy application"),
    onBytes: undefined,
    onEnd: undefined,
    onDrain: undefined,
  };
  const connection = new TakenConnection(client, application);
  assert.deepEqual(asked.splice(0), ["resume application"]);
  return { asked, slow, application, connection };
}

test("what the client had sent behind its request comes first, then all that follows", () => {
  const { asked, connection } = taken();
  assert.equal(connection.flows, false);
  connection.begin(Buffer.from("early"), false);
  assert.equal(connection.flows, true);
  connection.fromClient(Buffer.from("late"));
  connection.clientFinished();
  assert.deepEqual(asked, ["application early", "application late", "end application"]);
});

test("a client that had finished is told of at once", () => {
  const { asked, connection } = taken();
  connection.begin(Buffer.alloc(0), true);
  assert.deepEqual(asked, ["end application"]);
});

test("each side waits for the other", () => {
  const { asked, slow, application, connection } = taken();
  connection.begin(Buffer.alloc(0), false);
  slow.application = true;
  connection.fromClient(Buffer.from("a"));
  application.onDrain?.();
  slow.client = true;
  application.onBytes?.(Buffer.from("b"));
  connection.clientDrained();
  assert.deepEqual(asked, ["application a", "pause client", "resume client", "client b", "pause application", "resume application"]);
});

test("it is over when the request is and the application's end has come, in either order", () => {
  const one = taken();
  one.application.onBytes?.(Buffer.from("all"));
  one.application.onEnd?.();
  one.application.onEnd?.();
  one.connection.requestOver();
  assert.deepEqual(one.asked, ["client all", "finish client", "destroy application", "over"]);
  const other = taken();
  other.connection.requestOver();
  assert.deepEqual(other.asked, []);
  other.application.onBytes?.(Buffer.from("rest"));
  other.application.onEnd?.();
  assert.deepEqual(other.asked, ["client rest", "destroy application", "over"]);
});

test("an application that closes without a word may still answer in another way", () => {
  const { asked, application, connection } = taken();
  application.onEnd?.();
  assert.deepEqual(asked, []);
  connection.requestOver();
  assert.deepEqual(asked, ["destroy application", "over"]);
});

test("without a client nothing is passed on", () => {
  const { asked, application, connection } = taken();
  connection.destroy();
  application.onBytes?.(Buffer.from("x"));
  application.onEnd?.();
  connection.requestOver();
  assert.deepEqual(asked, ["destroy application"]);
});

const STATUSES: readonly { says: string; status: number }[] = [
  { says: "HTTP/1.1 101 Switching Protocols\r\n", status: 101 },
  { says: "HTTP/1.0 403 Forbidden\r\n\r\n", status: 403 },
  { says: "HTTP/1.1 404\r\n\r\n", status: 404 },
  { says: "HTTP/1.1 999 What", status: 101 },
  { says: "220 mail.example.org ESMTP\r\n", status: 101 },
];

for (const { says, status } of STATUSES) {
  test(`an application that says ${JSON.stringify(says)} is logged with ${status}`, () => {
    const { application, connection } = taken();
    application.onBytes?.(Buffer.from(says));
    application.onBytes?.(Buffer.from("HTTP/1.1 500 later"));
    assert.deepEqual([connection.status, connection.bytesToClient], [status, says.length + 18]);
  });
}
