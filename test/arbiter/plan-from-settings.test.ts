import assert from "node:assert/strict";
import { test } from "node:test";
import { planFromSettings } from "../../src/arbiter/plan-from-settings.ts";
import { settingsOf } from "./settings-of.ts";

const MASTER = {
  version: "0.1.0",
  pid: 42,
  python: "/venv/bin/python",
  gatewayUnderWay: true,
  hasConfig: true,
  hooks: ["on_exit"] as const,
  workerClass: "sync",
  predecessor: undefined,
  containerEndsWithUs: false,
};

test("the settings that the mind needs, in its units", () => {
  const plan = planFromSettings(
    settingsOf(["-w", "3", "-t", "7", "--graceful-timeout", "9", "--backlog", "5", "-b", "[::1]:80", "-b", "unix:/run/a.sock", "app"]),
    MASTER,
    undefined,
  );
  assert.deepEqual(plan, {
    ...MASTER,
    workers: 3,
    gateways: 1,
    surge: 1,
    timeoutMs: 7000,
    gracefulTimeoutMs: 9000,
    drainDelayMs: 0,
    bootTimeoutMs: 70_000,
    maxAgeMs: 0,
    maxAgeJitterMs: 0,
    preload: false,
    warmImports: true,
    addresses: [
      { index: 0, kind: "tcp6", host: "::1", port: 80 },
      { index: 1, kind: "unix", path: "/run/a.sock" },
    ],
    backlog: 5,
    tls: false,
    direct: false,
    daemon: false,
    logsInPython: false,
  });
});

test("the limits of a worker's boot and of its age", () => {
  const limits = (...words: string[]) => {
    const { bootTimeoutMs, maxAgeMs, maxAgeJitterMs } = planFromSettings(settingsOf([...words, "app"]), MASTER, undefined);
    return [bootTimeoutMs, maxAgeMs, maxAgeJitterMs];
  };
  assert.deepEqual(limits("--boot-timeout", "2", "--max-worker-age", "3", "--max-worker-age-jitter", "4"), [2000, 3000, 4000]);
  assert.deepEqual(limits("-t", "0"), [0, 0, 0], "whoever turns the timeout off sits in a debugger");
  assert.deepEqual(limits("-t", "9", "--boot-timeout", "0"), [0, 0, 0]);
});

test("an inherited descriptor makes all other addresses void", () => {
  const { addresses } = planFromSettings(settingsOf(["-b", ":80", "-b", "fd://3", "app"]), MASTER, undefined);
  assert.deepEqual(addresses, [{ index: 0, kind: "fd", fd: 3 }]);
});

test("sockets that came with the start make all addresses void, in their order", () => {
  const inherited = { descriptors: [3, 4], names: [], from: "service-manager" as const };
  const { addresses } = planFromSettings(settingsOf(["-b", ":80", "-b", "fd://9", "app"]), MASTER, inherited);
  assert.deepEqual(addresses, [
    { index: 0, kind: "fd", fd: 3 },
    { index: 1, kind: "fd", fd: 4 },
  ]);
});

test("a class that accepts clients by itself", () => {
  assert.equal(planFromSettings(settingsOf(["-k", "package.Class", "app"]), MASTER, undefined).direct, true);
});

test("with preload nothing is warmed", () => {
  const { preload, warmImports } = planFromSettings(settingsOf(["--preload", "app"]), MASTER, undefined);
  assert.deepEqual([preload, warmImports], [true, false]);
});

for (const [words, message] of [
  [["-b", "host:zz"], "'zz' is not a valid port number."],
  [["-b", "fd://x"], "'x' is not a valid file descriptor."],
  [["-e", "FOO"], "environment setting 'FOO' invalid"],
] as const) {
  test(`${words.join(" ")} is refused`, () =>
    assert.throws(() => planFromSettings(settingsOf([...words, "app"]), MASTER, undefined), { message }));
}
