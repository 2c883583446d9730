import assert from "node:assert/strict";
import { test } from "node:test";
import { AccessLog, type AccessLogSink, HELD_CHARACTERS_MAX } from "../../src/telemetry/access-log.ts";
import type { AccessRecord } from "../../src/telemetry/access-log-atoms.ts";

/** A log whose lines are the records' status, its sink's calls, and the turn's end as a function. */
function makeLog(): { log: AccessLog; calls: string[]; endTurn: () => void } {
  const calls: string[] = [];
  const deferred: (() => void)[] = [];
  const sink: AccessLogSink = { write: (text) => calls.push(text), reopen: () => calls.push("reopen") };
  const log = new AccessLog(
    ({ responseFieldLines }) => responseFieldLines,
    sink,
    (task) => deferred.push(task),
  );
  const endTurn = () => {
    for (const task of deferred.splice(0)) task();
  };
  return { log, calls, endTurn };
}

function lineRecord(line: string): AccessRecord {
  return { responseFieldLines: line } as AccessRecord;
}

test("lines of one turn leave in one write, in order", () => {
  const { log, calls, endTurn } = makeLog();
  log.add(lineRecord("a"));
  log.add(lineRecord("b"));
  assert.deepEqual(calls, []);
  endTurn();
  assert.deepEqual(calls, ["a\nb\n"]);
  log.add(lineRecord("c"));
  endTurn();
  assert.deepEqual(calls, ["a\nb\n", "c\n"]);
});

test("a long turn does not hold more than its limit", () => {
  const { log, calls, endTurn } = makeLog();
  const line = "x".repeat(HELD_CHARACTERS_MAX / 2);
  log.add(lineRecord(line));
  log.add(lineRecord(line));
  assert.deepEqual(calls, [`${line}\n${line}\n`]);
  endTurn();
  assert.equal(calls.length, 1, "nothing is written twice");
});

test("reopen writes what was added before it to the old file", () => {
  const { log, calls, endTurn } = makeLog();
  log.add(lineRecord("old"));
  log.reopen();
  log.add(lineRecord("new"));
  endTurn();
  assert.deepEqual(calls, ["old\n", "reopen", "new\n"]);
});

test("flush with nothing held writes nothing", () => {
  const { log, calls } = makeLog();
  log.flush();
  assert.deepEqual(calls, []);
});
