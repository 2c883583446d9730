import assert from "node:assert/strict";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ApplicationSocket } from "../../src/gateway/application-socket.ts";
import { temporaryDirectory, until } from "./spool-directory.ts";

/** An application's end, and the gateway's as it comes from the nursery. */
async function pair(t: TestContext) {
  const path = join(temporaryDirectory(t), "socket");
  const server = createServer({ pauseOnConnect: true });
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const application = connect({ path, allowHalfOpen: true });
  t.after(() => application.destroy());
  const theirs = (await accepted) as Socket & { _handle: unknown };
  server.close();
  const handle = theirs._handle;
  theirs._handle = null;
  const end = new ApplicationSocket(handle);
  t.after(() => end.destroy());
  return { application, end };
}

test("bytes and ends go both ways", async (t) => {
  const { application, end } = await pair(t);
  let [received, ends, sent, applicationsEnd] = ["", 0, "", false];
  application.on("data", (bytes: Buffer) => (received += bytes));
  application.on("end", () => (applicationsEnd = true));
  end.onBytes = (bytes) => (sent += bytes);
  end.onEnd = () => ends++;
  application.write("early");
  end.resume();
  end.write(Buffer.from("hello"));
  await until(() => received === "hello" && sent === "early");
  end.end();
  await until(() => applicationsEnd);
  application.end("late");
  await until(() => sent === "earlylate" && ends > 0);
});

test("nothing is lost of an application that has closed while it was written to", async (t) => {
  const { application, end } = await pair(t);
  let [sent, ends] = ["", 0];
  end.onBytes = (bytes) => (sent += bytes);
  end.onEnd = () => ends++;
  application.write("last words");
  await until(() => application.writableLength === 0);
  application.destroy();
  await until(() => application.closed);
  for (let n = 0; n < 3; n++) {
    end.write(Buffer.from("to nobody"));
    await new Promise((resolve) => setImmediate(resolve));
  }
  end.resume();
  await until(() => ends > 0);
  assert.equal(sent, "last words");
});

test("a slow application is waited for", async (t) => {
  const { application, end } = await pair(t);
  application.pause();
  let drained = false;
  end.onDrain = () => (drained = true);
  let bytes = 0;
  while (end.write(Buffer.alloc(65536))) bytes += 65536;
  assert.equal(drained, false);
  let received = 0;
  application.on("data", (chunk: Buffer) => (received += chunk.length));
  application.resume();
  await until(() => drained && received === bytes + 65536);
});
