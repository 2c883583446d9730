import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cleartextHttp2,
  connectionLimits,
  http1PolicyOf,
  http2PolicyOf,
  mountPoint,
  poolLimits,
  protocolsByTls,
  spoolBudgets,
  trustedPeers,
  uwsgiPeers,
} from "../../src/gateway/limits-from-settings.ts";
import { type Http1Settings, http1Policy } from "../../src/protocol/http1/policy.ts";
import { PEER } from "./memory-exchange.ts";
import { settingsOf } from "./settings-of.ts";

const SURROUNDINGS = {
  temporaryDirectory: "/var/tmp",
  now: () => 42,
  scriptName: "/mount",
  onDiskError: () => {},
  budgets: spoolBudgets(),
};

const CONNECTION = [
  { words: ["--keep-alive", "3"], limits: { idleMs: 3_000 } },
  { words: ["--keep-alive", "0"], limits: { idleMs: 0, proxyIdleMs: 0 } },
  { words: ["--keep-alive", "90"], limits: { idleMs: 90_000, proxyIdleMs: 90_000 } },
  { words: ["--proxy-keep-alive", "30"], limits: { proxyIdleMs: 30_000 } },
  { words: ["--body-timeout", "8"], limits: { bodyMs: 8_000 } },
  { words: ["--body-timeout", "0"], limits: { bodyMs: Number.POSITIVE_INFINITY } },
  { words: ["--graceful-timeout", "0"], limits: { drainHeadMs: 0 } },
  { words: ["--graceful-timeout", "300"], limits: { drainHeadMs: 1_000 } },
  { words: ["--head-timeout", "7"], limits: { headMs: 7_000 } },
  { words: ["--head-timeout", "0"], limits: { headMs: Number.POSITIVE_INFINITY } },
  { words: ["--write-timeout", "9"], limits: { writeMs: 9_000 } },
  { words: ["--write-timeout", "0"], limits: { writeMs: Number.POSITIVE_INFINITY } },
];

for (const { words, limits } of CONNECTION) {
  test(`limits of a connection with ${words.join(" ")}`, () => {
    assert.deepEqual(connectionLimits(settingsOf(words)), { ...connectionLimits(settingsOf()), ...limits });
  });
}

const POOL = [
  { words: ["--look-ahead", "3"], limits: { lookAhead: 3 } },
  { words: ["--body-wait", "4"], limits: { bodyWaitMs: 4_000 } },
  { words: ["--queue-timeout", "5"], limits: { queueTimeoutMs: 5_000 } },
  { words: ["--timeout", "6"], limits: { timeoutMs: 6_000 } },
  { words: ["--timeout", "0"], limits: { timeoutMs: 0 } },
];

for (const { words, limits } of POOL) {
  test(`limits of the pool with ${words.join(" ")}`, () => {
    const usual = poolLimits(settingsOf(), SURROUNDINGS);
    assert.deepEqual(poolLimits(settingsOf(words), SURROUNDINGS), { ...usual, ...limits });
  });
}

test("spools: their sizes and their directory; the request's spools share one budget, in bytes", () => {
  const words = ["--body-buffer", "11", "--body-spool-limit", "22", "--response-buffer", "33", "--response-spool-limit", "44"];
  const { requestSpool, responseSpool } = poolLimits(settingsOf(words), SURROUNDINGS);
  assert.deepEqual(requestSpool, {
    memoryBytes: 11,
    memoryBudget: { usedBytes: 0, maxBytes: 64 * 1024 ** 2 },
    fileBytes: 22,
    budget: { usedBytes: 0, maxBytes: 22 },
    directory: "/var/tmp",
    onDiskError: SURROUNDINGS.onDiskError,
  });
  assert.equal(responseSpool.memoryBudget, requestSpool.memoryBudget);
  assert.deepEqual(responseSpool, {
    memoryBytes: 33,
    memoryBudget: requestSpool.memoryBudget,
    fileBytes: 44,
    budget: { usedBytes: 0, maxBytes: Number.POSITIVE_INFINITY },
    directory: "/var/tmp",
    onDiskError: SURROUNDINGS.onDiskError,
  });
});

test("what the surroundings give is passed on", () => {
  const { now, scriptName } = poolLimits(settingsOf(), SURROUNDINGS);
  assert.deepEqual([now(), scriptName], [42, "/mount"]);
});

const POLICIES = [
  { words: ["--limit-request-line", "100"], policy: { limitRequestLine: 100 } },
  { words: ["--limit-request-fields", "10"], policy: { limitRequestFields: 10 } },
  { words: ["--limit-request-field_size", "200"], policy: { limitRequestFieldSize: 200 } },
  { words: ["--permit-obsolete-folding"], policy: { permitObsoleteFolding: true } },
  { words: ["--strip-header-spaces"], policy: { stripHeaderSpaces: true } },
  { words: ["--permit-unconventional-http-method"], policy: { permitUnconventionalHttpMethod: true } },
  { words: ["--permit-unconventional-http-version"], policy: { permitUnconventionalHttpVersion: true } },
  { words: ["--casefold-http-method"], policy: { casefoldHttpMethod: true } },
  { words: ["--header-map", "refuse"], policy: { headerMap: "refuse" } },
  { words: ["--forwarder-headers", "X_A,X_B"], policy: { forwarderHeaders: new Set(["X_A", "X_B"]) } },
  { words: ["--forwarder-headers", "*"], policy: { forwarderHeaders: "*" } },
];

for (const { words, policy } of POLICIES) {
  test(`HTTP/1 policy with ${words.join(" ")}`, () => {
    const made = http1PolicyOf(settingsOf(words));
    assert.deepEqual(made, http1Policy({ ...http1PolicyOf(settingsOf()), ...policy } as Http1Settings));
  });
}

const TRUST = [
  { words: [], trusted: ["127.0.0.1", "::1"], others: ["10.0.0.1"] },
  { words: ["--forwarded-allow-ips", "10.0.0.0/8"], trusted: ["10.1.2.3"], others: ["127.0.0.1", "11.0.0.1"] },
  { words: ["--forwarded-allow-ips", "*"], trusted: ["192.0.2.1"], others: [] },
];

for (const { words, trusted, others } of TRUST) {
  test(`trusted peers with ${words.join(" ") || "nothing said"}`, () => {
    const isTrusted = trustedPeers(settingsOf(words));
    for (const address of trusted) assert.equal(isTrusted(address), true, address);
    for (const address of others) assert.equal(isTrusted(address), false, address);
  });
}

const MOUNTS = [
  { words: [], environment: {}, mount: "" },
  { words: [], environment: { SCRIPT_NAME: "/env" }, mount: "/env" },
  { words: ["-e", "SCRIPT_NAME=/raw"], environment: { SCRIPT_NAME: "/env" }, mount: "/raw" },
  { words: ["-e", "SCRIPT_NAME=/a", "-e", "SCRIPT_NAME=/b=c"], environment: {}, mount: "/b=c" },
  { words: ["-e", "SCRIPT_NAME="], environment: { SCRIPT_NAME: "/env" }, mount: "" },
  { words: ["-e", "MY_SCRIPT_NAME=/no"], environment: {}, mount: "" },
];

for (const { words, environment, mount } of MOUNTS) {
  test(`SCRIPT_NAME of ${JSON.stringify(environment)} and ${words.join(" ") || "no raw_env"} is "${mount}"`, () => {
    assert.equal(mountPoint(settingsOf(words), environment), mount);
  });
}

for (const protocol of ["http", "UWSGI", "fcgi"]) {
  test(`protocol ${protocol} is HTTP`, () => assert.equal(uwsgiPeers(settingsOf(["--protocol", protocol])), undefined));
}

const UWSGI_PEERS = [
  { words: [], address: "127.0.0.1", allowed: true },
  { words: [], address: "::1", allowed: true },
  { words: [], address: "127.0.0.2", allowed: false },
  { words: ["--uwsgi-allow-from", "127.0.0.0/8"], address: "127.0.0.2", allowed: true },
  { words: ["--uwsgi-allow-from", "10.0.0.0/8,2001:db8::/32"], address: "127.0.0.1", allowed: false },
  { words: ["--uwsgi-allow-from", "10.0.0.0/8,2001:db8::/32"], address: "2001:db8::7", allowed: true },
  { words: ["--uwsgi-allow-from", "*"], address: "192.0.2.1", allowed: true },
];

for (const { words, address, allowed } of UWSGI_PEERS) {
  test(`${address} may${allowed ? "" : " not"} speak uWSGI with ${words.join(" ") || "the default"}; a unix peer always may`, () => {
    const isAllowed = uwsgiPeers(settingsOf(["--protocol", "uwsgi", ...words])) ?? assert.fail();
    assert.equal(isAllowed({ ...PEER, remoteAddress: address }), allowed);
    assert.equal(isAllowed({ ...PEER, remoteAddress: "", remotePort: undefined, serverPort: undefined }), true);
  });
}

test("limits of requests, and what becomes of those whose worker dies", () => {
  const limits = (words: readonly string[]) => {
    const { requestTimes, retriesSafe } = poolLimits(settingsOf(words), {
      temporaryDirectory: "/tmp",
      now: () => 0,
      scriptName: "",
      onDiskError: () => {},
      budgets: spoolBudgets(),
    });
    return { ...requestTimes, retriesSafe };
  };
  assert.deepEqual(limits([]), { slowMs: 0, softMs: 0, hardMs: 0, retriesSafe: false });
  const words = ["--slow-request", "1", "--request-timeout", "2", "--request-timeout-hard", "3", "--retry-safe-requests"];
  assert.deepEqual(limits(words), { slowMs: 1000, softMs: 2000, hardMs: 3000, retriesSafe: true });
});

test("the settings of HTTP/2", () => {
  const words = ["--http2-max-concurrent-streams", "5", "--http2-initial-window-size", "6", "--http2-max-frame-size", "20000"];
  const settings = settingsOf([...words, "--http2-max-header-list-size", "7"]);
  const request = http1PolicyOf(settings);
  const { maxConcurrentStreams, initialWindowSize, maxFrameSize, maxHeaderListSize, ...rest } = http2PolicyOf(settings, request);
  assert.deepEqual([maxConcurrentStreams, initialWindowSize, maxFrameSize, maxHeaderListSize], [5, 6, 20000, 7]);
  assert.equal(rest.request, request);
});

for (const [words, isAnnounced] of [
  [[], false],
  [["-k", "gevent"], false],
  [["--threads", "2"], false],
  [["-k", "asgi"], true],
  [["-k", "uvicorn.workers.UvicornWorker"], true],
] as const) {
  test(`WebSocket over HTTP/2 is ${isAnnounced ? "" : "not "}announced with ${words.join(" ") || "sync"}`, () => {
    const settings = settingsOf([...words]);
    assert.equal(http2PolicyOf(settings, http1PolicyOf(settings)).extendedConnect, isAnnounced);
  });
}

const H2 = ["--http-protocols", "h2,h1"];
for (const { words, how } of [
  { words: [], how: [false, false, true] },
  { words: ["--http2-cleartext", "both"], how: [false, false, true] },
  { words: H2, how: [false, false, true] },
  { words: [...H2, "--http2-cleartext", "prior-knowledge"], how: [true, false, false] },
  { words: [...H2, "--http2-cleartext", "upgrade"], how: [false, true, true] },
  { words: [...H2, "--http2-cleartext", "both"], how: [true, true, true] },
  { words: [...H2, "--http2-cleartext", "both", "--protocol", "uwsgi"], how: [false, false, true] },
] as { words: string[]; how: boolean[] }[]) {
  test(`HTTP/2 without TLS with ${words.join(" ") || "the defaults"}`, () => {
    const { byPreface, byUpgrade, besideHttp1 } = cleartextHttp2(settingsOf(words));
    assert.deepEqual([byPreface, byUpgrade, besideHttp1], how);
  });
}

test("with TLS there is no HTTP/2 without", () => {
  const settings = { ...settingsOf([...H2, "--http2-cleartext", "both"]), certfile: "/c" };
  assert.equal(cleartextHttp2(settings).byPreface, false);
});

for (const { words, protocols } of [
  { words: [], protocols: ["http/1.1"] },
  { words: ["--http-protocols", "h1"], protocols: ["http/1.1"] },
  { words: ["--http-protocols", "h2,h1"], protocols: ["h2", "http/1.1"] },
  { words: ["--http-protocols", "h1,h2"], protocols: ["http/1.1", "h2"] },
  { words: ["--http-protocols", "h2"], protocols: ["h2", "http/1.1"] },
  { words: ["--http-protocols", "h2", "--protocol", "uwsgi"], protocols: ["http/1.1"] },
]) {
  test(`what ALPN offers with ${words.join(" ") || "the defaults"}`, () => {
    assert.deepEqual(protocolsByTls(settingsOf(words)), protocols);
  });
}

test("gateways share what a worker may have at once, and each has one request at least", () => {
  const perWorker = (...words: string[]) => poolLimits(settingsOf(words), SURROUNDINGS).workerConnections;
  assert.deepEqual([perWorker(), perWorker("--gateways", "3"), perWorker("--gateways", "3", "--worker-connections", "2")], [1000, 333, 1]);
});
