import assert from "node:assert/strict";
import { test } from "node:test";
import { type ApplicationEnd, TakenConnection } from "../../src/gateway/taken-connection.ts";
import type { ConnectionTunnel } from "../../src/request/exchange.ts";

/** Both sides, noting in order what happens to them. */
function taken() {
  const asked: string[] = [];
  const slow = { client: false, application: false };
  const tunnel: ConnectionTunnel = {
    write: (bytes) => {
      asked.push(`client ${bytes}`);
      return !slow.client;
    },
    pause: () => asked.push("pause client"),
    resume: () => asked.push("resume client"),
    finishWriting: () => asked.push("finish client"),
    end: () => asked.push("end client"),
    cut: () => asked.push("cut client"),
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
  const connection = new TakenConnection(application);
  connection.begin(tunnel);
  assert.deepEqual(asked.splice(0), ["resume application", "resume client"]);
  return { asked, slow, application, connection };
}

test("the client's bytes, which are valid during the call only, and its end", () => {
  const kept: Buffer[] = [];
  const { asked, application, connection } = taken();
  const chunk = Buffer.from("early");
  application.write = (bytes) => kept.push(bytes) > 0;
  connection.onBytes(chunk);
  chunk.fill("x");
  connection.onEnd();
  assert.deepEqual([`${kept}`, asked], ["early", ["end application"]]);
});

test("each side waits for the other", () => {
  const { asked, slow, application, connection } = taken();
  slow.application = true;
  connection.onBytes(Buffer.from("a"));
  application.onDrain?.();
  slow.client = true;
  application.onBytes?.(Buffer.from("b"));
  connection.onDrain();
  assert.deepEqual(asked, ["application a", "pause client", "resume client", "client b", "pause application", "resume application"]);
});

test("it is over when the request is and the application's end has come, in either order", () => {
  const one = taken();
  one.application.onBytes?.(Buffer.from("all"));
  one.application.onEnd?.();
  one.application.onEnd?.();
  one.connection.requestOver();
  assert.deepEqual(one.asked, ["client all", "finish client", "destroy application", "end client"]);
  const other = taken();
  other.connection.requestOver();
  assert.deepEqual(other.asked, []);
  other.application.onBytes?.(Buffer.from("rest"));
  other.application.onEnd?.();
  assert.deepEqual(other.asked, ["client rest", "destroy application", "end client"]);
});

test("an application that closes without a word may still answer in another way", () => {
  const { asked, application, connection } = taken();
  application.onEnd?.();
  assert.deepEqual(asked, []);
  connection.requestOver();
  assert.deepEqual(asked, ["destroy application", "end client"]);
});

test("without a client nothing is passed on", () => {
  const { asked, application, connection } = taken();
  connection.onGone();
  application.onBytes?.(Buffer.from("x"));
  application.onEnd?.();
  connection.requestOver();
  assert.deepEqual(asked, ["destroy application"]);
});
