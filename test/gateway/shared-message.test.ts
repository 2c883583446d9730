import assert from "node:assert/strict";
import { test } from "node:test";
import { SharedMessage } from "../../src/gateway/shared-message.ts";

test("a shared message is framed once, however many ask", () => {
  const asked: [number, boolean][] = [];
  const head = (payloadBytes: number, binary: boolean) => {
    asked.push([payloadBytes, binary]);
    return "head:";
  };
  const message = new SharedMessage(Buffer.from("\xffhi", "latin1"), true);
  const frames = [message.frame(head), message.frame(head)];
  assert.deepEqual([frames, asked], [["head:\xffhi", "head:\xffhi"], [[3, true]]]);
});
