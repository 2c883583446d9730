/**
 * A thread that tells the open loop when each request is due, to some ten microseconds: Node's timers only know whole milliseconds,
 * and a loop that asks the clock all the time would take one of the processors from the server.
 * JavaScript, because Node 20 does not load TypeScript in threads.
 */
import { parentPort, workerData } from "node:worker_threads";

/** @type {import("./open-loop.ts").ArrivalClockInput} */
const { startNs, dueMs } = workerData;
const never = new Int32Array(new SharedArrayBuffer(4));
for (const [index, due] of dueMs.entries()) {
  const remainingMs = due - Number(process.hrtime.bigint() - startNs) / 1e6;
  if (remainingMs > 0) Atomics.wait(never, 0, 0, remainingMs);
  parentPort.postMessage(index);
}
