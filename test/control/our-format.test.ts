import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnswerData } from "../../src/control/format.ts";
import { showExits, showRequests, showTop, showWorker } from "../../src/control/our-answers.ts";
import { formatOurs } from "../../src/control/our-format.ts";
import { pictureOf } from "./pictures.ts";

/** Answers are JSON: what is sent is what is read. */
function overTheWire(answer: object | undefined): AnswerData {
  return JSON.parse(JSON.stringify(answer));
}

test("show top", () => {
  assert.deepEqual(formatOurs("show top", overTheWire(showTop(pictureOf(), [])))?.split("\n"), [
    "shop:app (99) serving, up 10s, sync",
    "generation 0, reload: none, 2 of 2 workers ready",
    "connections 6, queued 4, answered 17",
    "",
    "PID      AGE   GEN  STATE          REQUESTS  IN FLIGHT SILENT    RSS       PSS",
    "101      1     0    ready          10        1         4.3s      2.9 MiB   1.0 MiB",
    "102      2     0    being replaced 7         0         0s        n/a       n/a",
    "103      3     0    booting        n/a       n/a       9s        n/a       n/a",
    "",
    "AGE       STATE      PID      METHOD   PATH",
    "4.32s     running    101      GET      /slow",
    "1.23s     queued     -        POST     /next",
    "and 3 more",
  ]);
});

test("show worker, show requests of a silent gateway", () => {
  assert.match(
    formatOurs("show worker 101", overTheWire(showWorker(pictureOf(), 101))) ?? "",
    /^PID .*\n101 .*\n\nAGE .*\n4\.32s .*\/slow$/,
  );
  assert.equal(
    formatOurs("show requests", overTheWire(showRequests(pictureOf({}, "silent")))),
    "no answer from gateway 90\nNo requests in flight",
  );
});

test("what a client has written into its path does nothing to the terminal, and has one line", () => {
  const requests = [{ seconds: 1, state: "queued", pid: null, method: "GET", path: `/\u001b[2J\u009b\n${"x".repeat(100)}` }];
  const line = formatOurs("show requests", { requests })?.split("\n")[1] ?? "";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f]/);
  assert.ok(line.includes("/\\x1b[2J\\x9b\\x0axxx") && line.endsWith("x…") && line.length < 110);
});

test("show exits", () => {
  const picture = pictureOf();
  assert.equal(formatOurs("show exits", overTheWire(showExits(picture))), "No worker has ended");
  const exit = { worker: 1, pid: 5, generation: 0, atMs: 4000, reason: "timeout", status: "signal=SIGKILL", detail: "worker timed out" };
  picture.chronicle.exits.push(exit);
  assert.deepEqual(
    formatOurs("show exits", overTheWire(showExits(picture)))
      ?.split("\n")
      .slice(1),
    ["6s ago         5        0    timeout                  signal=SIGKILL", "    worker timed out"],
  );
});

test("stacks are text, explain has lines, others have no form of their own", () => {
  assert.equal(formatOurs("stacks 5", { pid: 5, stacks: "Thread 1\n  here\n" }), "Thread 1\n  here");
  const explained = {
    setting: "workers",
    value: "2",
    origin: "command line",
    default: "1",
    on_reload: "apply",
    summary: "How many.",
    no_effect: null,
  };
  assert.equal(
    formatOurs("explain workers", explained),
    "workers = 2\n  from: command line\n  default: 1\n  on reload: apply\n  How many.",
  );
  assert.equal(formatOurs("drain", { status: "draining" }), undefined);
});
