import assert from "node:assert/strict";
import { test } from "node:test";
import { type PyValue, pythonValue } from "../../src/base/python-repr.ts";
import type { SettingName } from "../../src/settings/table.ts";
import { applyUvicornClass, applyUvicornOptions, type UvicornOptions, uvicornOptions } from "../../src/settings/uvicorn-class.ts";
import { workerKind } from "../../src/settings/worker-class.ts";
import { machine, settled } from "./machine.ts";

const text = (v: string): PyValue => ({ t: "str", v });
const derived = settled(["-k", "mine.Worker", "app"]);
const apply = (options: UvicornOptions) => applyUvicornOptions(derived, options, machine());

const MEANT: readonly { option: string; value: PyValue; setting: SettingName; means: unknown }[] = [
  { option: "loop", value: text("uvloop"), setting: "asgi_loop", means: "uvloop" },
  { option: "loop", value: text("none"), setting: "asgi_loop", means: "asyncio" },
  { option: "lifespan", value: text("off"), setting: "asgi_lifespan", means: "off" },
  { option: "root_path", value: text("/x"), setting: "root_path", means: "/x" },
  { option: "forwarded_allow_ips", value: text("10.0.0.1,10.0.0.2"), setting: "forwarded_allow_ips", means: ["10.0.0.1", "10.0.0.2"] },
  { option: "forwarded_allow_ips", value: pythonValue(["*"]), setting: "forwarded_allow_ips", means: ["*"] },
  { option: "backlog", value: pythonValue(7), setting: "backlog", means: 7 },
  { option: "timeout_keep_alive", value: pythonValue(9), setting: "keepalive", means: 9 },
  { option: "timeout_graceful_shutdown", value: pythonValue(8), setting: "graceful_timeout", means: 8 },
  { option: "limit_concurrency", value: pythonValue(6), setting: "worker_connections", means: 6 },
  { option: "limit_max_requests", value: pythonValue(5), setting: "max_requests", means: 5 },
  { option: "limit_max_requests_jitter", value: pythonValue(4), setting: "max_requests_jitter", means: 4 },
  { option: "ws_max_size", value: pythonValue(3), setting: "websocket_max_message_size", means: 3 },
  { option: "ssl_keyfile", value: text("/k.pem"), setting: "keyfile", means: "/k.pem" },
  { option: "ssl_certfile", value: text("/c.pem"), setting: "certfile", means: "/c.pem" },
  { option: "ssl_ca_certs", value: text("/a.pem"), setting: "ca_certs", means: "/a.pem" },
  { option: "ssl_ciphers", value: text("HIGH"), setting: "ciphers", means: "HIGH" },
  { option: "ssl_cert_reqs", value: pythonValue(2), setting: "cert_reqs", means: 2 },
  { option: "access_log", value: pythonValue(false), setting: "accesslog", means: null },
  { option: "proxy_headers", value: pythonValue(false), setting: "secure_scheme_headers", means: { t: "dict", v: [] } },
];

for (const { option, value, setting, means } of MEANT) {
  test(`CONFIG_KWARGS: ${option} is ${setting}: ${JSON.stringify(means)}`, () => {
    const { settings, uvicorn } = apply([[option, value]]);
    assert.deepEqual([settings[setting], uvicorn?.note], [means, undefined]);
    assert.deepEqual({ ...settings, [setting]: 0, worker_class: 0 }, { ...derived.settings, [setting]: 0, worker_class: 0 });
  });
}

test("what is done anyway, and None, change nothing", () => {
  const { settings, uvicorn } = apply([
    ["loop", text("auto")],
    ["lifespan", text("auto")],
    ["http", text("httptools")],
    ["ws", text("wsproto")],
    ["interface", text("asgi3")],
    ["server_header", pythonValue(true)],
    ["limit_max_requests", pythonValue(null)],
  ]);
  assert.deepEqual({ ...settings, worker_class: "mine.Worker" }, derived.settings);
  assert.deepEqual(uvicorn, { ways: { proxyHeaders: true, factory: false } });
});

test("what cannot be done is named in one warning, with values that are none", () => {
  const { uvicorn } = apply([
    ["log_config", { t: "dict", v: [] }],
    ["headers", pythonValue(["a"])],
    ["ws", text("none")],
    ["loop", text("mine:loop")],
    ["backlog", text("many")],
    ["constructor", text("x")],
  ]);
  assert.deepEqual(uvicorn?.note, {
    level: "warning",
    text: "options without effect class=mine.Worker names=log_config,headers,ws,loop,backlog,constructor",
  });
});

test("ways of uvicorn's that are the worker's", () => {
  assert.deepEqual(
    apply([
      ["factory", pythonValue(true)],
      ["proxy_headers", pythonValue(false)],
    ]).uvicorn?.ways,
    { proxyHeaders: false, factory: true },
  );
});

test("a derived class is an asgi worker, and keeps its name in the log", () => {
  const found = applyUvicornClass(derived, { options: [], overrides: [] }, machine());
  assert.deepEqual([workerKind(found.settings), found.workerClass], ["asgi", "mine.Worker"]);
});

test("a class that overrides methods stays direct", () => {
  const found = applyUvicornClass(derived, { options: [["loop", text("uvloop")]], overrides: ["__init__", "run"] }, machine());
  assert.equal(found.settings, derived.settings);
  assert.deepEqual(found.uvicorn, {
    note: { level: "info", text: "worker class runs on uvicorn itself class=mine.Worker overrides=__init__,run" },
  });
});

const NAMES: readonly (readonly [string, UvicornOptions | undefined])[] = [
  ["uvicorn.workers.UvicornWorker", []],
  ["uvicorn_worker.UvicornWorker", []],
  ["uvicorn.workers.UvicornH11Worker", [["loop", text("asyncio")]]],
  ["uvicorn_worker.UvicornH11Worker", [["loop", text("asyncio")]]],
  ["constructor", undefined],
  ["asgi", undefined],
];

for (const [name, options] of NAMES) {
  test(`-k ${name} ${options === undefined ? "is none of uvicorn's names" : "is known without a look"}`, () => {
    assert.deepEqual(uvicornOptions(settled(["-k", name, "app"]).settings), options);
  });
}
