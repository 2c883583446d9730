/** The page; test/server/top.test.ts has the dashboard in a terminal. */

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pageOf } from "../../src/client/top.ts";
import { ControlFrameReader, controlFrame } from "../../src/wire/control-frames.ts";
import { requestOf, topOf } from "../control/top-of.ts";
import { temporaryDirectory } from "../gateway/spool-directory.ts";

const COMMAND_BYTES_MAX = 65536;

/** A server that answers every command so. @returns its path. */
async function answering(t: TestContext, answer: object): Promise<string> {
  const path = join(temporaryDirectory(t), "control.sock");
  const server = createServer((socket) => {
    const reader = new ControlFrameReader(COMMAND_BYTES_MAX);
    socket.on("data", (chunk) => {
      reader.feed(chunk);
      const asked = reader.next();
      if (asked === undefined) return;
      assert.equal(asked.command, "show top");
      socket.write(controlFrame({ id: asked.id, ...answer }));
    });
  });
  t.after(() => server.close());
  await new Promise<void>((fulfil) => server.listen(path, fulfil));
  return path;
}

test("a page has everything, and nothing that is meant for a terminal", async (t) => {
  const requests = Array.from({ length: 50 }, (_, index) => requestOf(50 - index, `/${index}\x1b[2J`));
  const page = await pageOf(await answering(t, { status: "ok", data: topOf({ requests }) }));
  assert.match(page, /^shop:app {2}pid 99/);
  assert.equal(page.split("\n").filter((line) => line.includes(" running ")).length, 51);
  assert.match(page, /^[ -~\n]+\n$/);
  assert.ok(!page.includes("q quit"));
});

test("a server that knows no such command", async (t) => {
  const path = await answering(t, { status: "error", error: "Invalid argument: Unknown show target: top" });
  await assert.rejects(pageOf(path), { name: "ControlClientError", message: "Invalid argument: Unknown show target: top" });
});
