import assert from "node:assert/strict";
import { test } from "node:test";
import { Chronicle } from "../../src/control/chronicle.ts";
import type { Command } from "../../src/lifecycle/command.ts";
import type { ArbiterEvent } from "../../src/lifecycle/event.ts";
import type { ExitStatus, NurseryEvent } from "../../src/lifecycle/messages.ts";
import { createState, type Worker, type WorkerState } from "../../src/lifecycle/state.ts";
import { PLAN } from "../lifecycle/world.ts";

/** A mind whose state the test sets by hand. */
class Story {
  readonly state = createState(PLAN, 0);
  readonly chronicle = new Chronicle(0);
  nowMs = 0;

  constructor() {
    this.state.phase = { at: "serving" };
  }

  worker(number: number, at: WorkerState, more: Partial<Worker> = {}): void {
    const worker = { number, generation: 0, direct: false, forkedMs: 0, pid: 100 + number, bornMs: 0, state: at, linked: true } as Worker;
    this.state.workers.set(number, { ...worker, ...more });
  }

  tick(commands: readonly Command[] = []): void {
    this.#note({ type: "tick", nowMs: this.nowMs }, commands);
  }

  says(said: NurseryEvent): void {
    this.#note({ type: "nursery-said", nowMs: this.nowMs, said }, []);
  }

  ends(number: number, status: ExitStatus, outOfMemory?: boolean): void {
    this.state.workers.delete(number);
    const more = outOfMemory === undefined ? {} : { outOfMemory };
    this.says({ ev: "exited", worker: number, pid: 100 + number, status, ...more });
  }

  #note(event: ArbiterEvent, commands: readonly Command[]): void {
    this.chronicle.note(event, commands, this.state);
  }
}

const READY: WorkerState = { at: "ready", sinceMs: 0 };
const STOPPING: WorkerState = { at: "stopping", killAtMs: 1 };
const KILLED: WorkerState = { at: "killed", againAtMs: 1, booting: false };

for (const { name, was, more = {}, status = { code: 0 }, outOfMemory, generation = 0, wanted } of [
  { name: "of an older generation", was: STOPPING, generation: 1, wanted: "reload" },
  { name: "that had done its time", was: STOPPING, more: { doomed: true }, wanted: "replaced" },
  { name: "of too many", was: STOPPING, wanted: "told to leave" },
  { name: "that did not boot", was: { at: "booting" } as const, status: { code: 3 }, wanted: "did not boot" },
  { name: "that was killed by us", was: KILLED, status: { signal: "SIGKILL" }, wanted: "killed" },
  { name: "that crashed", was: READY, status: { signal: "SIGSEGV" }, wanted: "crashed" },
  { name: "that the kernel killed", was: READY, status: { signal: "SIGKILL" }, outOfMemory: true, wanted: "out-of-memory" },
  { name: "that somebody killed", was: READY, status: { signal: "SIGKILL" }, outOfMemory: false, wanted: "killed-from-outside" },
  { name: "that left by itself", was: READY, status: { code: 1 }, wanted: "left by itself" },
]) {
  test(`the end of a worker ${name}: ${wanted}`, () => {
    const story = new Story();
    story.worker(1, was, more);
    story.tick();
    story.state.generation = generation;
    story.nowMs = 40;
    story.ends(1, status, outOfMemory);
    const [exit] = story.chronicle.exits;
    assert.deepEqual([exit?.pid, exit?.worker, exit?.reason, exit?.atMs], [101, 1, wanted, 40]);
  });
}

test("a timeout stays one when the abort was not enough, with the line that the log had", () => {
  const story = new Story();
  story.worker(1, { at: "aborted", killAtMs: 1, booting: false });
  story.tick([
    { do: "log", level: "critical", text: "worker timed out worker=1 pid=101 silent_s=30.0 method=GET target=/x id=7 age_s=30.1" },
  ]);
  story.worker(1, KILLED);
  story.tick([
    { do: "log", level: "debug", text: "worker gone worker=1 pid=101" },
    { do: "log", level: "info", text: "worker gone worker=12 pid=101" },
  ]);
  story.ends(1, { signal: "SIGKILL" });
  const [exit] = story.chronicle.exits;
  assert.deepEqual([exit?.reason, exit?.status], ["timeout", "signal=SIGKILL"]);
  assert.match(exit?.detail ?? "", /target=\/x/);
});

test("forked workers are counted, and those sent away, each once", () => {
  const story = new Story();
  story.worker(1, READY);
  story.worker(2, READY);
  story.says({ ev: "forked", worker: 1, pid: 101 });
  story.says({ ev: "forked", worker: 2, pid: 102 });
  const tell = (cmd: "stop" | "kill" | "interrupt", worker: number): Command => ({ do: "tell-nursery", message: { cmd, worker } });
  story.tick([tell("stop", 1)]);
  story.tick([tell("kill", 1), tell("interrupt", 2)]);
  assert.deepEqual([story.chronicle.spawned, story.chronicle.killed], [2, 1]);
});

test("exits are kept for a while, the newest first; what was never forked is none", () => {
  const story = new Story();
  for (let number = 1; number <= 70; number += 1) {
    story.worker(number, READY);
    story.tick();
    story.ends(number, { code: 0 });
  }
  assert.deepEqual([story.chronicle.exits.length, story.chronicle.exits[0]?.worker], [50, 70]);
  story.worker(71, { at: "booting" });
  story.tick();
  story.state.workers.delete(71);
  story.says({ ev: "exited", worker: 71, pid: 0, status: null });
  assert.equal(story.chronicle.exits[0]?.worker, 70);
});

test("the traceback of a failed boot is kept until another generation begins, or another reload", () => {
  const story = new Story();
  story.says({ ev: "boot-failed", text: "Traceback" });
  story.tick();
  assert.equal(story.chronicle.bootFailure, "Traceback");
  story.state.generation = 1;
  story.tick();
  assert.equal(story.chronicle.bootFailure, undefined);
  story.says({ ev: "boot-failed", text: "Traceback" });
  story.tick([{ do: "read-settings", reading: 1 }]);
  assert.equal(story.chronicle.bootFailure, undefined);
});
