import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { FROM_WORKER } from "../../src/wire/frame-types.ts";
import { bindLoopback } from "./bound-socket.ts";
import { GatewayProcess, up } from "./gateway-process.ts";
import { until } from "./spool-directory.ts";

for (const { name, steps } of [
  { name: "settings first, then a listener and a worker", steps: ["configure", "listen", "worker"] },
  { name: "a listener and a worker first, then the settings", steps: ["listen", "worker", "configure"] },
] as const) {
  test(`${name}: it is up, and a client is served`, async (t) => {
    const gateway = new GatewayProcess(t);
    const socket = bindLoopback(t);
    let worker: Awaited<ReturnType<GatewayProcess["worker"]>> | undefined;
    for (const step of steps) {
      if (step === "configure") gateway.configure();
      else if (step === "listen") gateway.listen(socket);
      else worker = await gateway.worker();
    }
    assert.ok(worker !== undefined);
    assert.equal((await gateway.hears("up")).pid, gateway.child.pid);
    worker.worker.sendUInt32(FROM_WORKER.ready, 0, worker.number);
    assert.equal((await gateway.hears("worker-ready")).worker, worker.number);
    const client = (await gateway.client(socket)).get("/hello");
    assert.ok((await gateway.serve(worker, "answered")).includes("/hello"));
    await client.sees("answered");
  });
}

test("the arbiter's end is its own; the nursery's is not", async (t) => {
  const { gateway, socket } = await up(t);
  const worker = await gateway.readyWorker();
  gateway.child.disconnect();
  const client = (await gateway.client(socket)).get("/");
  await gateway.serve(worker, "answered");
  await client.sees("answered");
  gateway.control.destroy();
  assert.equal(await gateway.exit(), 0);
});

test("signals of the process group are the arbiter's business: none ends it, none opens an inspector", async (t) => {
  const { gateway, socket } = await up(t);
  const worker = await gateway.readyWorker();
  for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const) {
    gateway.child.kill(signal);
    await gateway.settled();
    const client = (await gateway.client(socket)).get("/");
    await gateway.serve(worker, `behind ${signal}`);
    await client.sees(`behind ${signal}`);
  }
  assert.deepEqual([gateway.stderr, gateway.said], ["", []]);
});

for (const { name, begin } of [
  { name: "before it is configured", begin: (t: TestContext) => Promise.resolve(new GatewayProcess(t)) },
  { name: "while it serves", begin: async (t: TestContext) => (await up(t)).gateway },
]) {
  test(`a fault outside connections, ${name}: the log has its stack, and the process ends`, async (t) => {
    const gateway = await begin(t);
    gateway.tell({ cmd: "configure", python: [], settings: {} });
    assert.equal(await gateway.exit(), 1);
    await until(() => gateway.stderr.includes("\n    at "));
    assert.match(gateway.stderr, /\[\d+\] \[CRITICAL\] gateway fault outside connections, leaving\nTypeError: .*\n {4}at /);
  });
}
