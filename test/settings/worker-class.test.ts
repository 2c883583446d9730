import assert from "node:assert/strict";
import { test } from "node:test";
import { workerClassName, workerKind } from "../../src/settings/index.ts";
import { settled } from "./machine.ts";

const CLASSES = [
  { words: [], name: "sync", kind: "sync" },
  { words: ["--threads", "1"], name: "sync", kind: "sync" },
  { words: ["--threads", "4"], name: "gthread", kind: "gthread" },
  { words: ["-k", "gthread"], name: "gthread", kind: "gthread" },
  { words: ["-k", "gthread", "--threads", "4"], name: "gthread", kind: "gthread" },
  { words: ["-k", "gunicorn.workers.sync.SyncWorker"], name: "gunicorn.workers.sync.SyncWorker", kind: "sync" },
  { words: ["-k", "gunicorn.workers.sync.SyncWorker", "--threads", "2"], name: "gthread", kind: "gthread" },
  { words: ["-k", "gunicorn.workers.gthread.ThreadWorker"], name: "gunicorn.workers.gthread.ThreadWorker", kind: "gthread" },
  { words: ["-k", "egg:gunicorn#sync"], name: "egg:gunicorn#sync", kind: "sync" },
  { words: ["-k", "gevent"], name: "gevent", kind: undefined },
  { words: ["-k", "constructor"], name: "constructor", kind: undefined },
] as const;

for (const { words, name, kind } of CLASSES) {
  test(`"${words.join(" ")}" means ${kind}`, () => {
    const { settings } = settled([...words, "app"], []);
    assert.deepEqual([workerClassName(settings), workerKind(settings)], [name, kind]);
  });
}

test("a class object is none that Tunicorn has", () => {
  const { settings } = settled(["app"], [["worker_class", { t: "object", type: "type", text: "<class W>", name: "W", callable: true }]]);
  assert.deepEqual([workerClassName(settings), workerKind(settings)], [undefined, undefined]);
});
