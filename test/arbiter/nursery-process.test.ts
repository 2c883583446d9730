import assert from "node:assert/strict";
import { test } from "node:test";
import { type NurseryHappening, NurseryProcess } from "../../src/arbiter/nursery-process.ts";
import { startStandIn } from "./stand-in.ts";

function nextHappening(nursery: NurseryProcess, wanted: (happening: NurseryHappening) => boolean): Promise<NurseryHappening> {
  return new Promise((fulfil) => nursery.listen((happening) => wanted(happening) && fulfil(happening)));
}

test("what came before anybody listened is handed over", async () => {
  const nursery = startStandIn();
  await new Promise<void>((fulfil) =>
    nursery.listenAside((happening) => {
      if (happening.what === "message") fulfil();
      return "left";
    }),
  );
  const hello = await nextHappening(nursery, ({ what }) => what === "message");
  assert.equal(hello.what === "message" && (hello.message as { ev: string }).ev, "hello");
  const ended = nextHappening(nursery, ({ what }) => what === "exit");
  nursery.kill();
  assert.deepEqual(await ended, { what: "exit", status: { signal: "SIGKILL" } });
});

test("what an aside listener takes is not handed over again", async () => {
  const nursery = startStandIn();
  await new Promise<void>((fulfil) =>
    nursery.listenAside(() => {
      fulfil();
      return "taken";
    }),
  );
  nursery.send({ cmd: "exit" });
  const seen: unknown[] = [];
  await nextHappening(nursery, (happening) => {
    if (happening.what === "message") seen.push((happening.message as { ev: string }).ev);
    return happening.what === "exit";
  });
  assert.ok(!seen.includes("hello"), String(seen));
});

test("its exit code is reported", async () => {
  const exit = await nextHappening(startStandIn("die-at-once"), ({ what }) => what === "exit");
  assert.deepEqual(exit, { what: "exit", status: { code: 9 } });
});

test("an interpreter that is not there is reported as an exit with its cause", async () => {
  const nursery = new NurseryProcess({ python: "/nowhere/python3", program: "x", env: {}, directory: "/" });
  const exit = await nextHappening(nursery, ({ what }) => what === "exit");
  assert.deepEqual(exit, {
    what: "exit",
    status: { code: 127 },
    cause: "cannot start Python (/nowhere/python3): there is no such program; name another one with --python",
  });
  nursery.send({ cmd: "exit" });
  nursery.kill();
});
