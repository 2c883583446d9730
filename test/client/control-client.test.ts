import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ControlClient } from "../../src/client/control-client.ts";
import { controlFrame } from "../../src/wire/control-frames.ts";

/** A server that does with each connection what the test says. @returns its path. */
async function serve(t: TestContext, serveOne: (socket: Socket) => void): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "tunicorn-control-"));
  const sockets: Socket[] = [];
  const listener = createServer((socket) => {
    sockets.push(socket.on("error", () => {}));
    serveOne(socket);
  }).listen(join(folder, "s"));
  await once(listener, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    listener.close();
    rmSync(folder, { recursive: true });
  });
  return join(folder, "s");
}

test("questions are numbered from one, as gunicornc's; the answer may come in pieces", async (t) => {
  const asked: Buffer[] = [];
  const path = await serve(t, (socket) =>
    socket.on("data", (chunk) => {
      asked.push(chunk);
      const answer = controlFrame({ id: asked.length, status: "ok", data: { number: asked.length } });
      for (const byte of answer) socket.write(Buffer.from([byte]));
    }),
  );
  const client = await ControlClient.connect(path);
  assert.deepEqual([await client.ask("show stats"), await client.ask("help")], [{ number: 1 }, { number: 2 }]);
  assert.deepEqual(asked, [controlFrame({ id: 1, command: "show stats", args: [] }), controlFrame({ id: 2, command: "help", args: [] })]);
  client.close();
});

for (const { name, answer, wanted } of [
  { name: "an error", answer: controlFrame({ id: 1, status: "error", error: "text" }), wanted: /^text$/ },
  { name: "an error without text", answer: controlFrame({ id: 1, status: "error" }), wanted: /^Unknown error$/ },
  { name: "no frame", answer: Buffer.from([255, 255, 255, 255]), wanted: /^Communication error: a message of 4294967295 bytes/ },
  { name: "no JSON", answer: Buffer.from([0, 0, 0, 1, 0x7b]), wanted: /^Communication error: a message that is no JSON/ },
  { name: "its end", answer: undefined, wanted: /^Communication error: Connection closed$/ },
]) {
  test(`a server that answers with ${name}`, async (t) => {
    const path = await serve(t, (socket) => socket.on("data", () => (answer === undefined ? socket.end() : socket.write(answer))));
    const client = await ControlClient.connect(path);
    await assert.rejects(client.ask("help"), (error: Error) => wanted.test(error.message));
    client.close();
  });
}

test("a server that does not answer is waited for no longer than it may take", async (t) => {
  const client = await ControlClient.connect(await serve(t, () => {}));
  await assert.rejects(client.ask("help", 1), /Communication error: timed out/);
  assert.ok(client.isClosed);
  await assert.rejects(client.ask("help"), /Communication error/);
});

test("nobody there: in Gunicorn's words", async () => {
  await assert.rejects(ControlClient.connect("/nonexist"), {
    message: "Failed to connect to /nonexist: [Errno 2] No such file or directory",
  });
  await assert.rejects(ControlClient.connect("@tunicorn-nobody"), {
    message: "Failed to connect to @tunicorn-nobody: [Errno 111] Connection refused",
  });
});
