import assert from "node:assert/strict";
import { test } from "node:test";
import type { PyValue } from "../../src/base/python-repr.ts";
import { isDirect, needsCheck, type Settings, type WorkerKind, workerClassName, workerKind } from "../../src/settings/index.ts";
import { settled } from "./machine.ts";

const CLASSES: readonly { words: readonly string[]; name: string; kind: WorkerKind | undefined }[] = [
  { words: [], name: "sync", kind: "sync" },
  { words: ["--threads", "1"], name: "sync", kind: "sync" },
  { words: ["--threads", "4"], name: "gthread", kind: "gthread" },
  { words: ["-k", "gthread"], name: "gthread", kind: "gthread" },
  { words: ["-k", "gthread", "--threads", "4"], name: "gthread", kind: "gthread" },
  { words: ["-k", "gunicorn.workers.sync.SyncWorker"], name: "gunicorn.workers.sync.SyncWorker", kind: "sync" },
  { words: ["-k", "gunicorn.workers.sync.SyncWorker", "--threads", "2"], name: "gthread", kind: "gthread" },
  { words: ["-k", "gunicorn.workers.gthread.ThreadWorker"], name: "gunicorn.workers.gthread.ThreadWorker", kind: "gthread" },
  { words: ["-k", "egg:gunicorn#sync"], name: "egg:gunicorn#sync", kind: "sync" },
  { words: ["-k", "tornado"], name: "tornado", kind: "direct" },
  { words: ["-k", "tornado", "--threads", "2"], name: "tornado", kind: "direct" },
  { words: ["-k", "gunicorn.workers.gtornado.TornadoWorker"], name: "gunicorn.workers.gtornado.TornadoWorker", kind: "direct" },
  { words: ["-k", "aiohttp.GunicornWebWorker"], name: "aiohttp.GunicornWebWorker", kind: "direct" },
  { words: ["-k", "mine.SyncWorker"], name: "mine.SyncWorker", kind: "direct" },
  { words: ["-k", "mine.SyncWorker", "--threads", "2"], name: "gthread", kind: "gthread" },
  { words: ["-k", "nope"], name: "nope", kind: "direct" },
  { words: ["-k", "constructor"], name: "constructor", kind: "direct" },
  { words: ["-k", "asgi", "--threads", "4"], name: "asgi", kind: "asgi" },
  { words: ["-k", "gunicorn.workers.gasgi.ASGIWorker"], name: "gunicorn.workers.gasgi.ASGIWorker", kind: "asgi" },
  { words: ["-k", "gevent"], name: "gevent", kind: "gevent" },
  { words: ["-k", "gevent", "--threads", "4"], name: "gevent", kind: "gevent" },
  { words: ["-k", "gevent_wsgi"], name: "gevent_wsgi", kind: "gevent" },
  { words: ["-k", "egg:gunicorn#gevent_pywsgi"], name: "egg:gunicorn#gevent_pywsgi", kind: "gevent" },
  { words: ["-k", "gunicorn.workers.ggevent.GeventWorker"], name: "gunicorn.workers.ggevent.GeventWorker", kind: "gevent" },
  { words: ["-k", "gunicorn.workers.ggevent.GeventPyWSGIWorker"], name: "gunicorn.workers.ggevent.GeventPyWSGIWorker", kind: "gevent" },
  { words: ["-k", "eventlet"], name: "eventlet", kind: "eventlet" },
  { words: ["-k", "gunicorn.workers.geventlet.EventletWorker"], name: "gunicorn.workers.geventlet.EventletWorker", kind: "eventlet" },
  { words: ["-k", "asgi"], name: "asgi", kind: "asgi" },
  ...[
    "uvicorn.workers.UvicornWorker",
    "uvicorn.workers.UvicornH11Worker",
    "uvicorn_worker.UvicornWorker",
    "uvicorn_worker.UvicornH11Worker",
  ].map((name) => ({ words: ["-k", name], name, kind: "asgi" as const })),
];

for (const { words, name, kind } of CLASSES) {
  test(`"${words.join(" ")}" means ${kind}`, () => {
    const { settings } = settled([...words, "app"], []);
    assert.deepEqual([workerClassName(settings), workerKind(settings), isDirect(settings)], [name, kind, kind === "direct"]);
  });
}

const OBJECTS: readonly { what: string; value: PyValue; words: readonly string[]; name: string }[] = [
  { what: "a class object", value: classObject("Outer.Mine"), words: [], name: "Mine" },
  {
    what: "a class object named SyncWorker, with threads,",
    value: classObject("SyncWorker"),
    words: ["--threads", "2"],
    name: "SyncWorker",
  },
];

for (const { what, value, words, name } of OBJECTS) {
  test(`${what} is a direct class`, () => {
    const { settings } = settled([...words, "app"], [["worker_class", value]]);
    assert.deepEqual([workerClassName(settings), workerKind(settings)], [name, "direct"]);
  });
}

const NEED_CHECKS: readonly { name: string; needs: boolean }[] = [
  { name: "sync", needs: false },
  { name: "asgi", needs: false },
  { name: "gevent", needs: true },
  { name: "eventlet", needs: true },
  { name: "tornado", needs: true },
];

for (const { name, needs } of NEED_CHECKS) {
  test(`${name} ${needs ? "may not be there" : "is always there"}`, () => {
    assert.equal(needsCheck(settled(["-k", name, "app"]).settings), needs);
  });
}

test("None is no class", () => {
  const settings = { worker_class: null, threads: 2 } as Settings;
  assert.deepEqual(
    [workerClassName(settings), workerKind(settings), isDirect(settings), needsCheck(settings)],
    ["None", undefined, false, false],
  );
});

function classObject(name: string): PyValue {
  return { t: "object", type: "type", text: `<class 'conf.${name}'>`, name, callable: true };
}
