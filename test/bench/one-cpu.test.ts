import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { onOneCpu } from "../../bench/one-cpu.ts";

test("onOneCpu holds a command and what it starts to one CPU", { skip: process.platform !== "linux" && "taskset is Linux's" }, () => {
  const [program = "", ...args] = onOneCpu(["sh", "-c", "sh -c 'grep Cpus_allowed_list /proc/self/status'"]);
  assert.equal(execFileSync(program, args, { encoding: "utf8" }), "Cpus_allowed_list:\t0\n");
});
