/** `slow_request`: requests are shown while they run, with the stack that they are in, and nothing else happens to them. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Server, temporaryFolder } from "./harness.ts";
import { get } from "./http-client.ts";

interface SlowCase {
  readonly name: string;
  readonly args: readonly string[];
  readonly path: string;
  /** The line of the stack that says where the request is. */
  readonly where: RegExp;
}

const CASES: readonly SlowCase[] = [
  { name: "sync", args: ["faults:app"], path: "/gate", where: /in wait_at$/ },
  { name: "gthread", args: ["faults:app", "--threads", "3"], path: "/gate", where: /in wait_at$/ },
  { name: "gevent", args: ["faults:app", "-k", "gevent"], path: "/gate", where: /in wait_at$/ },
  { name: "asgi", args: ["faults:asgi", "-k", "asgi"], path: "/gate", where: /in asgi$/ },
  { name: "asgi, a blocked loop", args: ["faults:asgi", "-k", "asgi"], path: "/blocking-gate", where: /in wait_at$/ },
];

async function showsSlow(t: TestContext, { args, path, where }: SlowCase): Promise<void> {
  const server = await Server.start(t, "tunicorn", { args: [...args, "--slow-request", "1"] });
  const { body: pid } = await server.exchange(get("/"));
  const gate = join(temporaryFolder(t), "gate");
  const answer = server.exchange(get(`${path}?gate=${encodeURIComponent(gate)}`));
  const shown = `\\[WARNING\\] slow request worker=1 pid=${pid.trim()} method=GET target=${path}\\?gate=\\S+ id=(\\d+) age_s=(\\d+\\.\\d)$`;
  const [, id, firstAge] = await server.waitForLine(new RegExp(shown));
  await server.waitForLine(where);
  const first = server.lines.findIndex(({ text }) => new RegExp(shown).test(text));
  const [, again, secondAge] = await server.waitForLine(new RegExp(shown), first + 1);
  assert.equal(again, id);
  assert.ok(Number(firstAge) >= 1 && Number(secondAge) >= 2, server.output());
  writeFileSync(gate, "");
  assert.deepEqual([(await answer).status, (await answer).body], [200, pid], "it was not disturbed");
  assert.equal(server.countLines(/Traceback|Booting worker|ERROR|CRITICAL/), 1, server.output());
}

test("a slow request is shown with its stack, again at twice its age, and answered as ever", async (t) => {
  const ends = await Promise.allSettled(CASES.map((one) => showsSlow(t, one)));
  for (const [index, end] of ends.entries()) if (end.status === "rejected") throw new Error(CASES[index]?.name, { cause: end.reason });
});
