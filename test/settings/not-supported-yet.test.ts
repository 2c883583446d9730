import assert from "node:assert/strict";
import { test } from "node:test";
import type { PyValue } from "../../src/base/python-repr.ts";
import { refuseUnsupported } from "../../src/settings/index.ts";
import { NOT_SUPPORTED_YET } from "../../src/settings/not-supported-yet.ts";
import { TABLE } from "../../src/settings/table.ts";
import { machine, settled } from "./machine.ts";

const hook: PyValue = { t: "object", type: "function", text: "<function f>", name: "f", callable: true };

const REFUSED: readonly { words: readonly string[]; config?: readonly (readonly [string, PyValue])[]; name: string }[] = [
  { words: [], config: [["on_dirty_starting", hook]], name: "on_dirty_starting" },
];

for (const { words, config = [], name } of REFUSED) {
  test(`${[...words, ...config.map(([key]) => key)].join(" ")} is refused as not supported yet`, () => {
    assert.deepEqual(refuseUnsupported(settled([...words, "app"], config)), {
      at: "exit",
      stdout: "",
      stderr: `\nError: setting '${name}' is not supported yet\n`,
      status: 1,
    });
  });
}

const TAKEN: readonly (readonly string[])[] = [
  ["--statsd-host", "h", "--statsd-prefix", "p", "--dogstatsd-tags", "a:1", "--enable-backlog-metric"],
  [],
  ["-k", "tornado", "--max-requests", "5", "--max-requests-jitter", "2"],
  ["-k", "gthread", "--max-requests", "5", "--max-requests-jitter", "2"],
  ["-k", "gunicorn.workers.sync.SyncWorker"],
  ["-k", "package.Class"],
  ["-k", "gevent", "--worker-connections", "5"],
  ["-k", "gunicorn.workers.ggevent.GeventWorker"],
  ["-k", "eventlet"],
  ["-k", "tornado", "--threads", "2"],
  ["-k", "sync", "--threads", "1", "--gateways", "4"],
  ["--proxy-protocol=auto", "--proxy-allow-from", "10.0.0.0/8"],
  ["--http-protocols", "h2,h1", "--http2-cleartext", "both", "--http2-max-concurrent-streams", "5", "--http2-initial-window-size", "70000"],
  ["--http2-max-frame-size", "20000", "--http2-max-header-list-size", "0"],
  ["--http-protocols", "h2", "--certfile", "x", "--keyfile", "y", "--sni-certificate", "a=b"],
  ["--protocol", "uwsgi", "--uwsgi-allow-from", "10.0.0.0/8"],
  ["--threads", "4"],
  ["-k", "gthread", "--threads", "1"],
  ["-k", "asgi", "--asgi-loop", "asyncio", "--asgi-lifespan", "on", "--asgi-disconnect-grace-period", "0", "--worker-connections", "5"],
  ["--user", "1000", "--group", "1001"],
  ["--control-socket", "/x", "--control-socket-mode", "0660"],
  ["--no-control-socket", "--http-parser", "fast", "--worker-tmp-dir", "/x", "--root-path", "/x"],
  ["--preload", "--no-sendfile", "-e", "A=1", "-p", "x", "-m", "022", "--chdir", "/", "--paste-global", "a=b"],
  ["--no-request-buffering", "--no-warm-imports", "--look-ahead", "0", "--queue-limit", "5", "--queue-timeout", "1", "--python", "p"],
  ["--access-logfile", "-", "--log-file", "x", "--log-level", "debug", "--header-map", "refuse", "--permit-obsolete-folding"],
];

for (const words of TAKEN) {
  test(`"${words.join(" ")}" is supported`, () => {
    assert.equal(refuseUnsupported(settled([...words, "app"])), undefined);
  });
}

const SUPPORTED_HOOKS = ["post_worker_init", "worker_int", "worker_abort", "worker_exit", "pre_request", "post_request"];

for (const name of SUPPORTED_HOOKS) {
  test(`the hook ${name} is supported`, () => {
    const arity = name === "pre_request" || name === "post_request" || name === "worker_exit" ? 2 : 1;
    const config = [[name, { ...hook, arity }]] as const;
    assert.equal(refuseUnsupported(settled(["app"], config)), undefined);
    assert.equal(refuseUnsupported(settled(["-k", "asgi", "app"], config)), undefined);
  });
}

test("a default that the machine decides is no setting", () => {
  const surroundings = machine({ uid: 0, gid: 0, platform: "darwin", env: { XDG_RUNTIME_DIR: "/" } });
  assert.equal(refuseUnsupported(settled(["app"], [["user", { t: "none" }]], surroundings)), undefined);
});

test("the list names settings of the table, each once, and none without effect", () => {
  assert.equal(new Set(NOT_SUPPORTED_YET).size, NOT_SUPPORTED_YET.length);
  assert.deepEqual(
    NOT_SUPPORTED_YET.filter((name) => !Object.hasOwn(TABLE, name) || ("noEffect" in TABLE[name] && TABLE[name].noEffect !== undefined)),
    [],
  );
});
